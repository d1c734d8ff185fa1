// SPDX-License-Identifier: Apache-2.0
import type { SignaturePacket } from 'openpgp';
import { DETACHED_BYTES_MAX } from '@rkt/formats';
import { dearmor, isArmored } from './armor.ts';
import type { OpenPgp } from './openpgp.ts';
import { splitPackets, TAG } from './packets.ts';
import { messageOf, Refused } from './refusal.ts';

/** The most signatures in one file. */
const SIGNATURES_MAX = 16;

/** All signature packets of an `.asc` file; one that cannot be read is a refusal of itself alone. */
export async function readSignatures(library: OpenPgp, file: Uint8Array): Promise<(SignaturePacket | Refused)[]> {
  if (file.byteLength > DETACHED_BYTES_MAX)
    throw new Refused('malformed', `the signature is larger than ${DETACHED_BYTES_MAX} bytes`);
  const blocks = isArmored(file) ? dearmor(file, 'SIGNATURE') : [file];
  const [block, ...more] = blocks;
  if (block === undefined || block.byteLength === 0) throw new Refused('unsigned', 'there is no signature in it');
  if (more.length > 0) throw new Refused('malformed', 'it holds more than one block of ASCII armor');
  const packets = splitPackets(block);
  if (packets.length > SIGNATURES_MAX)
    throw new Refused('malformed', `it holds more than ${SIGNATURES_MAX} signatures`);
  const other = packets.find(({ tag }) => tag !== TAG.signature);
  if (other !== undefined)
    throw new Refused('malformed', `it holds a packet of type ${other.tag}: wanted signatures alone`);
  return Promise.all(packets.map(({ bytes }) => readSignature(library, bytes)));
}

/** The one signature packet of these bytes, or why it is none that can be verified. */
export async function readSignature(library: OpenPgp, bytes: Uint8Array): Promise<SignaturePacket | Refused> {
  try {
    const { packets } = await library.readSignature({ binarySignature: bytes });
    const [packet] = packets;
    // A version or algorithm that the library does not know leaves another kind of packet behind.
    if (packet instanceof library.SignaturePacket) return packet;
    return new Refused('unsupported', 'it is of a version or an algorithm that is not supported');
  } catch (error) {
    return new Refused('malformed', `it cannot be read: ${messageOf(error)}`);
  }
}
