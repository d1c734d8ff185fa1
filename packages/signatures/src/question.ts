// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '@rkt/names';
import type { SigstoreTrust, TrustedPgpKey } from './keys.ts';
import type { Verdict } from './verdict.ts';

/** Detached OpenPGP signatures over a stream. */
export interface DetachedQuestion {
  /** The contents of `.asc` files: each is one block of ASCII armor, or binary. */
  readonly signatures: readonly Uint8Array[];
  readonly keys: readonly TrustedPgpKey[];
  /** The one reading of the clock of this run. */
  readonly now: Date;
}

/** What one pass over a stream found. */
export interface DetachedAnswer {
  /** One for each file: of a file one good signature by a trusted key is enough. */
  readonly verdicts: readonly Verdict[];
  /** Digests and size of all bytes that the stream gave: of those that the verdicts are about, whatever they are. */
  readonly sha256: Digest;
  /** `sha512:` and 128 lower-case hexadecimal digits. */
  readonly sha512: string;
  readonly sizeBytes: number;
}

/** An OpenPGP signed message in the format of containers-signature(5). */
export interface SimpleSigningQuestion {
  /** The digest of the manifest or index that has to be signed. */
  readonly digest: Digest;
  readonly keys: readonly TrustedPgpKey[];
  readonly now: Date;
}

/** A signature or attestation of sigstore. */
export interface SigstoreQuestion {
  /** The digest of the manifest or index that has to be signed. */
  readonly digest: Digest;
  /** The bytes of that digest, which signatures directly over the bytes need; without them such signatures are refused. */
  readonly content?: Uint8Array | undefined;
  readonly trust: SigstoreTrust;
  readonly now: Date;
}

/** A layer of a `.sig` or `.att` image of cosign: its blob and the annotations of its descriptor. */
export interface CosignLayer {
  readonly payload: Uint8Array;
  readonly annotations: Readonly<Record<string, string>>;
}
