// SPDX-License-Identifier: Apache-2.0
import { ATTESTATION_BYTES_MAX, IN_TOTO } from '@rkt/formats';
import { isDigest, type Digest } from '@rkt/names';
import { objectOf, parse } from './json.ts';
import { badOf, Refused } from './refusal.ts';
import { parseStatement } from './statement.ts';

/** What a statement says, with nothing proved: for people, never for a decision. Text in it is a stranger's: escape it. */
export interface Claimed {
  readonly outcome: 'claimed';
  readonly predicateType: string;
  readonly predicate: unknown;
  /** What it is about, as far as that has a digest of SHA-256. */
  readonly subjects: readonly Digest[];
}

/** Why nothing can be said. */
export interface Unreadable {
  readonly outcome: 'unreadable';
  /** One printable line. */
  readonly reason: string;
}

/** In what a statement comes: a bundle of sigstore, a DSSE envelope, or nothing. */
export type Wrapping = 'bundle' | 'envelope' | 'none';

/** Reads an in-toto statement without looking at signatures. Whatever is wrong is a reason. */
export function readClaimed(bytes: Uint8Array, wrapping: Wrapping): Claimed | Unreadable {
  try {
    const { predicateType, predicate, digests } = parseStatement(unwrap(bytes, wrapping));
    return { outcome: 'claimed', predicateType, predicate, subjects: subjectsOf(digests) };
  } catch (error) {
    return { outcome: 'unreadable', reason: badOf(error).reason };
  }
}

/** The digests among what stands where they belong. */
function subjectsOf(digests: readonly unknown[]): Digest[] {
  return digests.flatMap((digest) => {
    const text = `sha256:${String(digest)}`;
    return isDigest(text) ? [text] : [];
  });
}

function unwrap(bytes: Uint8Array, wrapping: Wrapping): Uint8Array {
  if (wrapping === 'none') return bytes;
  const document = objectOf(parse(bytes, ATTESTATION_BYTES_MAX), wrapping === 'bundle' ? 'the bundle' : 'the envelope');
  if (wrapping === 'bundle' && !Object.hasOwn(document, 'dsseEnvelope'))
    throw new Refused('wrong-type', 'it is a signature, no attestation');
  const envelope = wrapping === 'bundle' ? objectOf(document['dsseEnvelope'], 'the envelope') : document;
  const { payload, payloadType } = envelope;
  if (payloadType !== IN_TOTO) throw new Refused('wrong-type', 'the envelope holds no in-toto statement');
  if (typeof payload !== 'string') throw new Refused('malformed', 'the envelope has no payload');
  return Buffer.from(payload, 'base64');
}
