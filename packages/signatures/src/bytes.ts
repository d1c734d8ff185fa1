// SPDX-License-Identifier: Apache-2.0
import { createHash, verify, type KeyObject } from 'node:crypto';

/** What one signature is about, whatever it came wrapped in. */
export interface Signed {
  /** What the signature covers. */
  readonly bytes: Uint8Array;
  /** What logs take the digest of besides: the payload of an envelope, otherwise the same bytes. */
  readonly payload: Uint8Array;
  readonly signature: Buffer;
}

/** True if the key made the signature. Each kind of key has one algorithm, whatever the signature or its wrapping say. */
export function isSignedBy(key: KeyObject, { bytes, signature }: Signed): boolean {
  return hashesFor(key).some((hash) => {
    try {
      return verify(hash, bytes, key, signature);
    } catch {
      // A signature of the wrong form, for some kinds of keys.
      return false;
    }
  });
}

function hashesFor(key: KeyObject): readonly (string | null)[] {
  if (key.asymmetricKeyType === 'ed25519') return [null];
  // cosign signs with SHA-256 whatever the curve; other signers of bundles use the hash that belongs to it.
  if (key.asymmetricKeyDetails?.namedCurve === 'secp384r1') return ['sha256', 'sha384'];
  return ['sha256'];
}

/** True if this is a digest of the bytes, by the member of SHA-2 that has this length. */
export function isDigestOf(bytes: Uint8Array, digest: Uint8Array): boolean {
  const algorithm = { 32: 'sha256', 48: 'sha384', 64: 'sha512' }[digest.byteLength];
  return algorithm !== undefined && createHash(algorithm).update(bytes).digest().equals(digest);
}

/** What a signature of a DSSE envelope covers: type and payload with their lengths, so that neither can pass for the other. */
export function preAuthEncoding(type: string, payload: Uint8Array): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.byteLength} `;
  return Buffer.concat([Buffer.from(head), payload]);
}
