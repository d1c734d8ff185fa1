// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { type SignedIdentity } from '@rkt/formats';
import { type Digest } from '@rkt/names';

/** Somebody who may vouch for an image, with the file that says so. Keys are bytes: whoever verifies parses them. */
export type Authority = PgpAuthority | KeyAuthority | IdentityAuthority;

/** OpenPGP keys. */
export interface PgpAuthority {
  readonly kind: 'pgp';
  readonly source: string;
  /** The file holds one key, and this is its fingerprint; else it may hold several. */
  readonly fingerprint: string | undefined;
  readonly bytes: Uint8Array;
}

/** A bare key. */
export interface KeyAuthority {
  readonly kind: 'key';
  readonly source: string;
  readonly fingerprint: string | undefined;
  readonly bytes: Uint8Array;
  /** A log of this trusted root must have the signature. */
  readonly log?: RootFile | undefined;
}

/** Whom a certificate names. */
export interface IdentityAuthority {
  readonly kind: 'identity';
  readonly source: string;
  readonly issuer: string;
  readonly san: string;
  readonly root: RootFile;
}

/** A trusted_root.json. */
export interface RootFile {
  readonly source: string;
  readonly bytes: Uint8Array;
}

/** How the name in a signature has to fit the name of the image: a rule of containers-policy.json(5), or that of the trust store. */
export type IdentityRule = SignedIdentity | { readonly type: 'prefix' };

/** Images that may be used whoever made them. */
export interface Pinned {
  readonly source: string;
  readonly digests: readonly Digest[];
}

/** One requirement: of a list all have to be met; within one any authority or pinned digest will do. */
export type Requirement =
  | { readonly kind: 'reject'; readonly source: string }
  /** `byName`: holds for one name only, so it matters who says that the image has this name. */
  | { readonly kind: 'accept'; readonly source: string; readonly byName: boolean }
  | {
      readonly kind: 'signed';
      readonly source: string;
      readonly authorities: readonly Authority[];
      readonly pinned: readonly Pinned[];
      readonly identity: IdentityRule;
    }
  | {
      readonly kind: 'attested';
      readonly source: string;
      readonly authorities: readonly Authority[];
      readonly predicateType: string;
      readonly builderId: string | undefined;
      readonly buildType: string | undefined;
      readonly sourceUri: string | undefined;
    }
  /** What the administrator asks for and this version cannot verify: never met. */
  | { readonly kind: 'unsupported'; readonly source: string; readonly why: string };

/** What is in force for one image. */
export interface Rules {
  readonly from: 'trust store' | 'policy file';
  readonly requirements: readonly Requirement[];
  /** The file or directory that decided. */
  readonly path: string;
  /** The part of it that matched. */
  readonly scope: string;
  /** Files that would vouch, were they not masked by another one: for messages. */
  readonly masked: readonly Masked[];
  readonly allowInsecure: boolean;
  /** SHA-256 over all of this: 64 lower-case hexadecimal digits. */
  readonly sha256: string;
}

/** A file of the trust store that an empty one takes back. */
export interface Masked {
  readonly name: string;
  readonly by: string;
}

/** The rules with a hash over everything in them, keys included: other keys, another hash. */
export function sealRules(rules: Omit<Rules, 'sha256'>): Rules {
  const text = JSON.stringify(rules, function (this: Readonly<Record<string, unknown>>, key, value: unknown) {
    // A Buffer has been made an object by its toJSON already.
    const raw = this[key];
    return raw instanceof Uint8Array ? createHash('sha256').update(raw).digest('hex') : value;
  });
  return { ...rules, sha256: createHash('sha256').update(text).digest('hex') };
}
