// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';
import { type Signer, type SigstoreTrust, type SpkiKey, type TrustedPgpKey, type TrustedRoot } from '@rkt/signatures';
import {
  type Authority,
  type IdentityAuthority,
  type KeyAuthority,
  type PgpAuthority,
  type RootFile,
} from './requirement.ts';

/** Authorities as the verifiers want them. */
export interface Signers {
  readonly pgp: readonly TrustedPgpKey[];
  readonly sigstore: readonly SigstoreTrust[];
  /** The file that says that this signer may vouch. */
  readonly sourceOf: (signer: Signer) => string | undefined;
}

/** Parses the keys of authorities. A file that is not what its name says refuses everything: it was put there to be used. */
export async function parseAuthorities(authorities: readonly Authority[]): Promise<Signers> {
  const sources = new Map<string, string>();
  const pgp: TrustedPgpKey[] = [];
  const keys = new Map<RootFile | undefined, SpkiKey[]>();
  const identities = new Map<string, { root: RootFile; list: IdentityAuthority[] }>();
  for (const authority of authorities) {
    switch (authority.kind) {
      case 'pgp':
        for (const key of await parsePgp(authority)) {
          pgp.push(key);
          sources.set(idOf({ kind: 'pgp', fingerprint: key.key.fingerprint }), authority.source);
        }
        break;
      case 'key': {
        const key = await parseKey(authority);
        keys.set(authority.log, [...(keys.get(authority.log) ?? []), key]);
        sources.set(idOf(key), authority.source);
        break;
      }
      case 'identity': {
        const { source } = authority.root;
        const { root, list } = identities.get(source) ?? { root: authority.root, list: [] };
        identities.set(source, { root, list: [...list, authority] });
        sources.set(idOf(authority), authority.source);
        break;
      }
    }
  }
  const sigstore: SigstoreTrust[] = [];
  for (const [log, list] of keys) {
    sigstore.push({ kind: 'keys', keys: list, ...(log === undefined ? {} : { root: await parseRoot(log) }) });
  }
  for (const { root, list } of identities.values()) {
    sigstore.push({
      kind: 'identities',
      identities: list.map(({ issuer, san }) => ({ issuer, san })),
      root: await parseRoot(root),
    });
  }
  return { pgp, sigstore, sourceOf: (signer) => sources.get(idOf(signer)) };
}

type Identified =
  | { readonly kind: 'pgp'; readonly fingerprint: string | undefined }
  | { readonly kind: 'key'; readonly fingerprint: string }
  | { readonly kind: 'identity'; readonly issuer: string; readonly san: string };

function idOf(signer: Identified): string {
  return signer.kind === 'identity'
    ? JSON.stringify([signer.issuer, signer.san])
    : `${signer.kind} ${signer.fingerprint ?? ''}`;
}

async function parsePgp({ bytes, source, fingerprint }: PgpAuthority): Promise<TrustedPgpKey[]> {
  const { parsePgpKeys } = await import('@rkt/signatures');
  const keys = await configured(source, async () => parsePgpKeys(bytes, `key "${printable(source)}"`));
  if (fingerprint !== undefined && keys.length !== 1) {
    throw mismatch(source, `it holds ${keys.length} keys`, 'one key, whose fingerprint is its name');
  }
  const other = keys.find((key) => fingerprint !== undefined && key.fingerprint !== fingerprint);
  if (other !== undefined)
    throw mismatch(source, `it holds the key "${other.fingerprint}"`, 'the fingerprint as its name');
  return keys.map((key) => ({ key }));
}

async function parseKey({ bytes, source, fingerprint }: KeyAuthority): Promise<SpkiKey> {
  const { parseSpkiKey } = await import('@rkt/signatures');
  const key = await configured(source, () => parseSpkiKey(bytes, `key "${printable(source)}"`));
  if (fingerprint === undefined || fingerprint === key.fingerprint) return key;
  throw mismatch(source, `it holds the key "${key.fingerprint}"`, 'the fingerprint as its name');
}

async function parseRoot({ source, bytes }: RootFile): Promise<TrustedRoot> {
  const { parseTrustedRoot } = await import('@rkt/signatures');
  return configured(source, async () => parseTrustedRoot(bytes, `trusted root "${printable(source)}"`));
}

/** What is wrong with a file of the administrator is a wrong configuration, whatever else it is. */
async function configured<T>(source: string, parse: () => T | Promise<T>): Promise<T> {
  try {
    return await parse();
  } catch (error) {
    if (error instanceof Failure) throw new Failure(EXIT.configuration, error.message, { cause: error });
    // A parser that met something unexpected in the file is not a reason to go on without it.
    if (error instanceof Error) throw mismatch(source, error.message, 'a key');
    throw error;
  }
}

function mismatch(source: string, what: string, wanted: string): Failure {
  return new Failure(EXIT.configuration, `cannot trust "${printable(source)}": ${printable(what)}: wanted ${wanted}`);
}
