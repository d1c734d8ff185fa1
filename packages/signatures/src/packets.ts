// SPDX-License-Identifier: Apache-2.0
import { Refused } from './refusal.ts';

/** Tags of OpenPGP packets, RFC 9580 section 5. */
export const TAG = {
  signature: 2,
  onePassSignature: 4,
  secretKey: 5,
  publicKey: 6,
  secretSubkey: 7,
  compressedData: 8,
  literalData: 11,
  userId: 13,
  publicSubkey: 14,
  userAttribute: 17,
} as const;

/** A packet. */
export interface Packet {
  readonly tag: number;
  /** What it holds, without header and lengths. */
  readonly body: Uint8Array;
  /** As it lies in the bytes. */
  readonly bytes: Uint8Array;
}

/** A length as it stands before a body or a part of one. */
interface Length {
  /** Where the body begins, and how long it is. */
  readonly start: number;
  readonly length: number;
  /** True if another length follows the part. */
  readonly partial: boolean;
}

/** RFC 9580 section 4.2.1.4: only packets that hold data may have lengths that nobody knew beforehand. */
const STREAMED: readonly number[] = [TAG.compressedData, TAG.literalData];

/** Splits bytes into OpenPGP packets up to the last byte. */
export function splitPackets(bytes: Uint8Array): Packet[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const packets: Packet[] = [];
  for (let at = 0; at < bytes.byteLength;) {
    const packet = packetAt(view, bytes, at);
    packets.push(packet);
    at += packet.bytes.byteLength;
  }
  return packets;
}

function packetAt(view: DataView, bytes: Uint8Array, at: number): Packet {
  const first = view.getUint8(at);
  if ((first & 0x80) === 0) throw new Refused('malformed', 'it is neither ASCII armor nor OpenPGP');
  const old = (first & 0x40) === 0;
  const tag = old ? (first >> 2) & 0x0f : first & 0x3f;
  const parts: Uint8Array[] = [];
  for (let next = at + 1; ;) {
    const { start, length, partial } = lengthAt(view, next, old ? first & 0x03 : undefined);
    if (start + length > bytes.byteLength) throw new Refused('malformed', 'an OpenPGP packet ends too early');
    const streamed = partial || (old && (first & 0x03) === 3);
    if (streamed && !STREAMED.includes(tag)) throw new Refused('malformed', 'an OpenPGP packet has no definite length');
    parts.push(bytes.subarray(start, start + length));
    next = start + length;
    if (!partial) return { tag, body: Buffer.concat(parts), bytes: bytes.subarray(at, next) };
  }
}

/** The length at this place; `type` is that of an old header, which says how the length is written. */
function lengthAt(view: DataView, at: number, type: number | undefined): Length {
  try {
    return type === undefined ? newLength(view, at) : oldLength(view, at, type);
  } catch (error) {
    if (error instanceof RangeError) throw new Refused('malformed', 'an OpenPGP packet ends too early');
    throw error;
  }
}

function oldLength(view: DataView, at: number, type: number): Length {
  const partial = false;
  if (type === 0) return { start: at + 1, length: view.getUint8(at), partial };
  if (type === 1) return { start: at + 2, length: view.getUint16(at), partial };
  if (type === 2) return { start: at + 4, length: view.getUint32(at), partial };
  return { start: at, length: view.byteLength - at, partial };
}

function newLength(view: DataView, at: number): Length {
  const octet = view.getUint8(at);
  if (octet < 192) return { start: at + 1, length: octet, partial: false };
  if (octet < 224) return { start: at + 2, length: (octet - 192) * 256 + view.getUint8(at + 1) + 192, partial: false };
  if (octet < 255) return { start: at + 1, length: 2 ** (octet & 0x1f), partial: true };
  return { start: at + 5, length: view.getUint32(at + 1), partial: false };
}
