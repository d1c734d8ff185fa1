// SPDX-License-Identifier: Apache-2.0
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { EXIT, Failure } from '@rkt/exit';
import type { SpkiKey } from './keys.ts';

/** The size of the largest file of a bare key. */
const PEM_BYTES_MAX = 64 * 1024;

const RSA_BITS_MIN = 2048;
const RSA_BITS_MAX = 16_384;

const BLOCK = /^-----BEGIN PUBLIC KEY-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END PUBLIC KEY-----$/;

/**
 * The key of a PEM file that holds one block `PUBLIC KEY` and nothing else: ECDSA P-256 or P-384, RSA of 2048 bits and more, or Ed25519.
 *
 * `what` names the file in messages, such as `key "/etc/rkt/x.pub"`.
 */
export function parseSpkiKey(pem: Uint8Array, what: string): SpkiKey {
  const refuse = (why: string) => new Failure(EXIT.dataRefused, `cannot use ${what}: ${why}`);
  if (pem.byteLength > PEM_BYTES_MAX) throw refuse(`it is larger than ${PEM_BYTES_MAX} bytes`);
  const body = BLOCK.exec(Buffer.from(pem).toString('latin1').trim())?.[1];
  if (body === undefined) throw refuse('wanted one PEM block "PUBLIC KEY" and nothing else');
  const der = Buffer.from(body, 'base64');
  let key: KeyObject;
  try {
    key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch {
    throw refuse('it is no public key that this machine can read');
  }
  // Read and written again it has to be the same: trailing bytes would give one key many fingerprints.
  if (!key.export({ format: 'der', type: 'spki' }).equals(der)) throw refuse('it is not in DER, or has a tail');
  const described = describeKey(key);
  if (typeof described === 'string') throw refuse(described);
  return { kind: 'key', fingerprint: createHash('sha256').update(der).digest('hex'), ...described, bytes: der };
}

/** Algorithm and size of a key that may vouch, or why it may not. */
export function describeKey(key: KeyObject): Pick<SpkiKey, 'algorithm' | 'bits'> | string {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  const type = key.asymmetricKeyType;
  if (type === 'ed25519') return { algorithm: 'Ed25519', bits: 255 };
  if (type === 'ec') {
    if (namedCurve === 'prime256v1') return { algorithm: 'ECDSA P-256', bits: 256 };
    if (namedCurve === 'secp384r1') return { algorithm: 'ECDSA P-384', bits: 384 };
    return `curve ${namedCurve}: wanted P-256 or P-384`;
  }
  if (type !== 'rsa') return `it is a key for ${type ?? 'something unknown'}: wanted ECDSA, RSA or Ed25519`;
  if (modulusLength < RSA_BITS_MIN) return `RSA of ${modulusLength} bits is too weak: wanted ${RSA_BITS_MIN} or more`;
  if (modulusLength > RSA_BITS_MAX) return `RSA of ${modulusLength} bits: wanted at most ${RSA_BITS_MAX}`;
  return { algorithm: 'RSA', bits: modulusLength };
}

/** The key for verifying. */
export function keyObjectOf({ bytes }: SpkiKey): KeyObject {
  return createPublicKey({ key: Buffer.from(bytes), format: 'der', type: 'spki' });
}
