// SPDX-License-Identifier: Apache-2.0
import { printable, type Digest } from '@rkt/names';
import { objectOf, parse } from './json.ts';
import { Refused } from './refusal.ts';
import { NO_CLAIMS, type Claims } from './verdict.ts';

/** The JSON objects that simple signing and the older cosign sign. */
type PayloadType = 'atomic container signature' | 'cosign container image signature';

/** The size of the largest payload. */
const PAYLOAD_BYTES_MAX = 1024 * 1024;

/**
 * What a payload of containers-signature(5) or cosign says, if it is about the digest.
 *
 * To be called once the signature over these bytes has proved good, and not before. `critical` has exactly the known members, since
 * an unknown one is something that the signer wants understood.
 */
export function readPayload(bytes: Uint8Array, type: PayloadType, digest: Digest): Claims {
  const document = objectOf(parse(bytes, PAYLOAD_BYTES_MAX), 'the payload', ['critical', 'optional']);
  const critical = objectOf(document['critical'], '"critical"', ['identity', 'image', 'type']);
  const image = objectOf(critical['image'], '"image"', ['docker-manifest-digest']);
  const identity = objectOf(critical['identity'], '"identity"', ['docker-reference']);
  if (critical['type'] !== type)
    throw new Refused('wrong-type', `it signs "${printable(String(critical['type']))}": wanted "${type}"`);
  assertOptional(document['optional'], type);
  const signed = image['docker-manifest-digest'];
  const reference = identity['docker-reference'];
  if (typeof signed !== 'string' || typeof reference !== 'string')
    throw new Refused('malformed', 'the payload names no digest or no image');
  if (signed !== digest) throw new Refused('wrong-digest', `it signs ${printable(signed)}, not ${digest}`);
  return { ...NO_CLAIMS, digest: signed, reference };
}

/** cosign writes null where there is nothing; whatever is there besides these two is the signer's own. */
function assertOptional(optional: unknown, type: PayloadType): void {
  if (optional === null && type === 'cosign container image signature') return;
  const { creator, timestamp } = objectOf(optional, '"optional"');
  if (creator !== undefined && typeof creator !== 'string') throw new Refused('malformed', '"creator" is no text');
  if (timestamp !== undefined && !Number.isSafeInteger(timestamp))
    throw new Refused('malformed', '"timestamp" is no integer');
}
