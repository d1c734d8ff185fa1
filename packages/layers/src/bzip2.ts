// SPDX-License-Identifier: Apache-2.0
import { bitReader, type BitReader } from './bits.ts';
import { readBlock, type Block } from './bzip2-block.ts';
import type { LayerLimits } from './limits.ts';
import { refusal } from './refusal.ts';

const CHUNK_BYTES = 256 * 1024;

/** The most bytes that a block can have: 900000 symbols of 20 bits, and its tables. */
const BLOCK_BYTES_MAX = 3 * 1024 * 1024;

const BLOCK = 0x3141_5926_5359;
const END = 0x1772_4538_5090;

/**
 * Expands bzip2, one member after the other, with every checksum checked.
 *
 * Memory is that of one block, 3.6 MB at most, whatever the data asks for.
 */
export async function* bunzip2(stream: AsyncIterable<Uint8Array>, limits: LayerLimits): AsyncGenerator<Buffer> {
  const reader = bitReader(stream);
  let bytes = new Uint32Array(0);
  let blocks = 0;
  for (let member = 0; ; member += 1) {
    reader.align();
    if ((await reader.fill(BLOCK_BYTES_MAX)) === 0 && member > 0) return;
    const blockBytes = 100_000 * readLevel(reader, member);
    // A member may hold next to nothing, and there may be many.
    if (bytes.length !== blockBytes) bytes = new Uint32Array(blockBytes);
    let crc = 0;
    for (;;) {
      const magic = readMagic(reader);
      if (magic === END) break;
      if (magic !== BLOCK) throw refusal('malformed bzip2 data: neither a block nor the end');
      blocks += 1;
      if (blocks > limits.bzip2Blocks) throw refusal(`more than ${limits.bzip2Blocks} bzip2 blocks`);
      const block = readBlock(reader, bytes);
      yield* expand(block, bytes);
      crc = (((crc << 1) | (crc >>> 31)) ^ block.crc) >>> 0;
      await reader.fill(BLOCK_BYTES_MAX);
    }
    if (readWord(reader) !== crc) throw refusal('malformed bzip2 data: the checksum of all blocks is wrong');
  }
}

/** The size of the blocks of a member, in units of 100000 bytes. */
function readLevel({ bits }: BitReader, member: number): number {
  const isHead = bits(8) === 0x42 && bits(8) === 0x5a && bits(8) === 0x68;
  const level = isHead ? bits(8) - 0x30 : 0;
  if (level >= 1 && level <= 9) return level;
  throw refusal(member > 0 ? 'bytes behind the end of the bzip2 data' : 'malformed bzip2 data: no head');
}

function readMagic({ bits }: BitReader): number {
  return bits(24) * 0x100_0000 + bits(24);
}

function readWord({ bits }: BitReader): number {
  return ((bits(16) << 16) | bits(16)) >>> 0;
}

/** Undoes the Burrows-Wheeler transform and the runs that stood before it, in pieces, and checks the checksum. */
function* expand({ crc, count, origin }: Block, bytes: Uint32Array): Generator<Buffer> {
  linkBytes(bytes, count);
  let out = Buffer.allocUnsafe(CHUNK_BYTES);
  let [at, sum, repeats, last] = [0, 0xffff_ffff, 0, -1];
  let next = (bytes[origin] ?? 0) >>> 8;
  for (let left = count; left > 0; left -= 1) {
    const link = bytes[next] ?? 0;
    const byte = link & 0xff;
    next = link >>> 8;
    // Four equal bytes are followed by how many more of them there are.
    const isCount = repeats === 4;
    const value = isCount ? last : byte;
    const times = isCount ? byte : 1;
    repeats = isCount ? 0 : byte === last ? repeats + 1 : 1;
    last = isCount ? -1 : byte;
    if (at + times > CHUNK_BYTES) {
      yield out.subarray(0, at);
      [out, at] = [Buffer.allocUnsafe(CHUNK_BYTES), 0];
    }
    for (let n = 0; n < times; n += 1) {
      out[at] = value;
      at += 1;
      sum = ((sum << 8) ^ (CRC[(sum >>> 24) ^ value] ?? 0)) >>> 0;
    }
  }
  if ((sum ^ 0xffff_ffff) >>> 0 !== crc) throw refusal('malformed bzip2 data: the checksum of a block is wrong');
  yield out.subarray(0, at);
}

/** Above each byte, puts the place of the byte that follows it. */
function linkBytes(bytes: Uint32Array, count: number): void {
  const starts = new Uint32Array(257);
  for (let at = 0; at < count; at += 1) {
    const after = (bytes[at] ?? 0) + 1;
    starts[after] = (starts[after] ?? 0) + 1;
  }
  for (let value = 0; value < 256; value += 1) starts[value + 1] = (starts[value + 1] ?? 0) + (starts[value] ?? 0);
  for (let at = 0; at < count; at += 1) {
    const value = (bytes[at] ?? 0) & 0xff;
    const place = starts[value] ?? 0;
    starts[value] = place + 1;
    bytes[place] = (bytes[place] ?? 0) | (at << 8);
  }
}

/** The table of the CRC that bzip2 uses: CRC-32 with the highest bit first. */
const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let word = byte << 24;
  for (let bit = 0; bit < 8; bit += 1) word = word < 0 ? (word << 1) ^ 0x04c1_1db7 : word << 1;
  return word;
});
