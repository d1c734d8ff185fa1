// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { parseSigstoreIdentity, SETTINGS_BYTES_MAX } from '@rkt/formats';
import { prefixesOf, type ImageName } from './image-name.ts';
import { type Authority, type Masked } from './requirement.ts';
import { below, unsafe, type StrictReader } from './strict.ts';

/** Where trust is kept: the vendor's directory and the administrator's. */
export interface TrustDirectories {
  readonly system: string;
  readonly local: string;
}

/** The directories of an installation. */
export const TRUST_DIRECTORIES: TrustDirectories = { system: '/usr/lib/rkt', local: '/etc/rkt' };

/** The size of the largest file of a key. */
export const KEY_BYTES_MAX = 256 * 1024;

/** What the name of a file in the trust store says it is. */
export type TrustKind = 'pgp' | 'key' | 'identity';

/** The kind of a file in the trust store; undefined for a name that none has. */
export function kindOfName(name: string): TrustKind | undefined {
  if (/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(name)) return 'pgp';
  if (/^[0-9a-f]{64}\.pub$/.test(name)) return 'key';
  return /^[A-Za-z0-9][A-Za-z0-9._-]*\.sigstore\.json$/.test(name) ? 'identity' : undefined;
}

/** A file of the trust store. */
export interface TrustFile {
  readonly path: string;
  readonly name: string;
  readonly kind: TrustKind;
  /** `root.d`, or `prefix.d` and the prefix. */
  readonly scope: string;
  /** Empty for a mask. */
  readonly bytes: Buffer;
}

/** The directory of the keys for every name, or for a prefix. */
export function trustDirectory(directory: string, prefix: string | undefined): string {
  const store = join(directory, 'trustedkeys');
  return prefix === undefined ? join(store, 'root.d') : below(join(store, 'prefix.d'), ...prefix.split('/'));
}

/** Reads the files of one directory of the trust store; directories of longer prefixes in it are passed over. */
export function readTrustDirectory(reader: StrictReader, directory: string, prefix: string | undefined): TrustFile[] {
  const path = trustDirectory(directory, prefix);
  const scope = prefix === undefined ? 'root.d' : `prefix.d/${prefix}`;
  // A key of a shorter prefix may have the name that is looked for as a directory.
  if (reader.look(path)?.isFile()) return [];
  const files = (reader.list(path) ?? []).filter((name) => {
    // What a killed writer left.
    if (/^\..*\.tmp$/.test(name)) return false;
    return !(prefix !== undefined && reader.look(join(path, name))?.isDirectory());
  });
  return files.map((name) => {
    const file = join(path, name);
    const kind = kindOfName(name);
    if (kind === undefined) {
      throw unsafe(
        file,
        'its name is none of a key',
        'FINGERPRINT, FINGERPRINT.pub or NAME.sigstore.json, in lower case',
      );
    }
    const bytes = reader.read(file, KEY_BYTES_MAX);
    if (bytes === undefined) throw unsafe(file, 'it is gone', 'a regular file');
    return { path: file, name, kind, scope, bytes };
  });
}

/** Who may vouch for a name, and what is masked. */
export interface Collected {
  readonly authorities: readonly (Authority & { readonly name: string; readonly scope: string })[];
  readonly masked: readonly Masked[];
}

/**
 * Collects who may vouch for a name, as rkt did: keys for every name, then those for its prefixes, the vendor's before the
 * administrator's each time. A later file takes the place of an earlier one of the same name; an empty one takes it away.
 */
export function collectTrust(reader: StrictReader, directories: TrustDirectories, name: ImageName): Collected {
  const { system, local } = directories;
  const files = new Map<string, TrustFile>();
  const masked = new Map<string, string>();
  const add = (directory: string, prefix: string | undefined): void => {
    for (const file of readTrustDirectory(reader, directory, prefix)) {
      const isMask = file.bytes.byteLength === 0;
      if (!isMask) {
        files.set(file.name, file);
        masked.delete(file.name);
      } else if (files.delete(file.name)) masked.set(file.name, file.path);
    }
  };
  const prefixes = prefixesOf(name);
  for (const directory of [system, local]) add(directory, undefined);
  for (const directory of [system, local]) for (const prefix of prefixes) add(directory, prefix);
  return {
    authorities: [...files.values()].map((file) => ({
      ...authorityOf(reader, file),
      name: file.name,
      scope: file.scope,
    })),
    masked: [...masked].map(([file, by]) => ({ name: file, by })),
  };
}

function authorityOf(reader: StrictReader, { kind, name, path, bytes }: TrustFile): Authority {
  switch (kind) {
    case 'pgp':
      return { kind, source: path, fingerprint: name, bytes };
    case 'key':
      return { kind, source: path, fingerprint: name.slice(0, -'.pub'.length), bytes };
    case 'identity': {
      const { issuer, san, trustedRoot } = parseSigstoreIdentity(bytes, path);
      const root = reader.read(trustedRoot, SETTINGS_BYTES_MAX);
      if (root === undefined)
        throw unsafe(path, `its trusted root "${trustedRoot}" is not there`, 'a trusted_root.json');
      return { kind, source: path, issuer, san, root: { source: trustedRoot, bytes: root } };
    }
  }
}

/** The files that count for the names of a prefix, or for every name: what is left after masks. */
export function trustedFor(reader: StrictReader, directories: TrustDirectories, prefix: string | undefined): string[] {
  const name: ImageName = {
    transport: prefix === undefined ? 'none' : 'appc',
    path: prefix ?? '',
    tag: undefined,
    digest: undefined,
  };
  return collectTrust(reader, directories, name).authorities.map(({ source }) => source);
}
