// SPDX-License-Identifier: Apache-2.0
import { inflateRawSync, inflateSync } from 'node:zlib';
import { splitPackets, TAG, type Packet } from './packets.ts';
import { messageOf, Refused } from './refusal.ts';

/** The largest that a compressed message may become. */
const MESSAGE_BYTES_MAX = 1024 * 1024;

/** A signed message taken apart: verified as a detached signature over the content, which is what it comes to. */
export interface SignedMessage {
  readonly content: Uint8Array;
  /** The signature packet. */
  readonly signature: Uint8Array;
}

/**
 * Takes an OpenPGP signed message apart: one text and one signature, nothing beside them, in at most one layer of compression.
 *
 * What is verified is then what is read: with a reader of messages in between, which looks for texts and signatures in whatever it is
 * given, signatures have been passed off as those of other texts.
 */
export function readSignedMessage(blob: Uint8Array): SignedMessage {
  const outer = splitPackets(blob);
  const [only, ...more] = outer;
  const inner = only?.tag === TAG.compressedData && more.length === 0 ? splitPackets(inflate(only.body)) : outer;
  const [first, second, third] = inner;
  const tags = inner.map(({ tag }) => tag).join(' ');
  if (tags === `${TAG.onePassSignature} ${TAG.literalData} ${TAG.signature}`) return messageOfParts(second, third);
  // The order of old programs.
  if (tags === `${TAG.signature} ${TAG.literalData}`) return messageOfParts(second, first);
  if (!inner.some(({ tag }) => tag === TAG.signature)) throw new Refused('unsigned', 'there is no signature in it');
  throw new Refused('malformed', 'it is not one text with one signature');
}

function messageOfParts(literal: Packet | undefined, signature: Packet | undefined): SignedMessage {
  if (literal === undefined || signature === undefined) throw new Refused('unsigned', 'there is no signature in it');
  return { content: contentOf(literal.body), signature: signature.bytes };
}

/** RFC 9580 section 5.9: a format, a file name with its length, a date, and the content. */
function contentOf(literal: Uint8Array): Uint8Array {
  const start = 2 + (literal[1] ?? 0) + 4;
  if (start > literal.byteLength) throw new Refused('malformed', 'an OpenPGP packet ends too early');
  return literal.subarray(start);
}

/** RFC 9580 section 5.6: an algorithm and data; gpg writes 1 or 2 unless it is asked to do otherwise. */
function inflate(body: Uint8Array): Uint8Array {
  const data = body.subarray(1);
  const options = { maxOutputLength: MESSAGE_BYTES_MAX, info: true };
  try {
    if (body[0] === 1) return allOf(inflateRawSync(data, options), data);
    if (body[0] === 2) return allOf(inflateSync(data, options), data);
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw new Refused('malformed', `it cannot be unpacked: ${messageOf(error)}`);
  }
  throw new Refused('unsupported', 'it is compressed by an algorithm that is not supported');
}

/** With `info` zlib also says how much it read: what is behind the end of the compressed data would be passed over. */
function allOf(result: object, data: Uint8Array): Uint8Array {
  const { buffer, engine }: { buffer?: unknown; engine?: { bytesWritten?: unknown } } = result;
  if (engine?.bytesWritten !== data.byteLength) throw new Refused('malformed', 'there is more behind the message');
  if (!(buffer instanceof Uint8Array)) throw new Refused('failed', 'it cannot be unpacked');
  return buffer;
}
