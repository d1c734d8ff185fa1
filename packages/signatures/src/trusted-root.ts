// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import type { TrustMaterial } from '@sigstore/verify';
import { parseJson } from '@rkt/formats';
import { EXIT, Failure } from '@rkt/exit';
import type { TrustedRoot } from './keys.ts';
import { messageOf } from './refusal.ts';

const MEDIA_TYPES: readonly unknown[] = [
  'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
  'application/vnd.dev.sigstore.trustedroot.v0.2+json',
];

/** The trusted root that a trusted_root.json describes; `what` names the file in messages. */
export async function parseTrustedRoot(bytes: Uint8Array, what: string): Promise<TrustedRoot> {
  const document = parseJson(bytes, { what });
  const refuse = (why: string) => new Failure(EXIT.dataRefused, `cannot use ${what}: ${why}`);
  if (typeof document !== 'object' || document === null || !('mediaType' in document))
    throw refuse('it is no trusted root');
  if (!MEDIA_TYPES.includes(document.mediaType)) throw refuse('it is of no known version of a trusted root');
  try {
    const { authorities, logs } = await readTrustedRoot(bytes);
    if (authorities.length + logs.length === 0) throw refuse('it names neither an authority nor a log');
    const fingerprint = createHash('sha256').update(bytes).digest('hex');
    return { kind: 'trusted-root', fingerprint, authorities, logs, bytes };
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(EXIT.dataRefused, `cannot use ${what}: ${messageOf(error)}`, { cause: error });
  }
}

/** What the library takes from a root; keys of signatures never come out of it. */
export async function trustMaterialOf({ bytes }: TrustedRoot): Promise<TrustMaterial> {
  return (await readTrustedRoot(bytes)).material;
}

async function readTrustedRoot(bytes: Uint8Array) {
  const [{ TrustedRoot: Proto }, { toTrustMaterial }] = await Promise.all([
    import('@sigstore/protobuf-specs'),
    import('@sigstore/verify'),
  ]);
  const root = Proto.fromJSON(parseJson(bytes, { what: 'the trusted root' }));
  const material = toTrustMaterial(root, () => {
    throw new Error('a trusted root names no key of a signer');
  });
  const authorities = root.certificateAuthorities.map(({ uri }) => uri);
  return { material, authorities, logs: root.tlogs.map(({ baseUrl }) => baseUrl) };
}
