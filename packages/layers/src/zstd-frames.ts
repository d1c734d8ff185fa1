// SPDX-License-Identifier: Apache-2.0
import type { LayerLimits } from './limits.ts';
import { refusal } from './refusal.ts';
import { sourceOf, type Source } from './source.ts';

const FRAME = 0xfd2f_b528;
const SKIPPABLE = 0x184d_2a50;
const CHUNK_BYTES = 64 * 1024;

/** What is read from, its limits, and how much of them is used. */
interface State {
  readonly source: Source;
  readonly limits: LayerLimits;
  frames: number;
  blocks: number;
}

/**
 * Passes on the frames of a zstd stream (RFC 8878, 3.1) so that no chunk reaches beyond the end of a frame, and drops skippable ones.
 *
 * Node's decompressor ends at the first frame that ends within a chunk, and goes on if it ends with the chunk.
 * On the way, frames that ask for more memory than allowed, and bytes that are no frame, are refused.
 */
export async function* zstdFrames(stream: AsyncIterable<Uint8Array>, limits: LayerLimits): AsyncGenerator<Buffer> {
  const source = sourceOf(stream);
  const state: State = { source, limits, frames: 0, blocks: 0 };
  for (;;) {
    const head = await source.take(4);
    if (head.length === 0) return;
    if (head.length < 4) throw refusal('bytes behind the end of the zstd data');
    state.frames += 1;
    if (state.frames > limits.zstdFrames) throw refusal(`more than ${limits.zstdFrames} zstd frames`);
    const magic = head.readUInt32LE(0);
    if (magic === FRAME) yield* frame(head, state);
    else if ((magic & 0xffff_fff0) >>> 0 === SKIPPABLE) await skipFrame(source);
    else throw refusal('bytes behind the end of the zstd data');
  }
}

async function skipFrame(source: Source): Promise<void> {
  const length = await exactly(source, 4);
  if (!(await source.copy(length.readUInt32LE(0), () => undefined))) throw cutShort();
}

/** One frame in chunks of several blocks. */
async function* frame(magic: Buffer, state: State): AsyncGenerator<Buffer> {
  const { header, hasChecksum } = await readHeader(state.source, state.limits);
  let parts = [magic, header];
  let bytes = 0;
  for (;;) {
    const { block, isLast } = await readBlock(state);
    parts.push(block);
    bytes += block.length;
    if (isLast && hasChecksum) parts.push(await exactly(state.source, 4));
    if (isLast || bytes >= CHUNK_BYTES) {
      yield Buffer.concat(parts);
      parts = [];
      bytes = 0;
    }
    if (isLast) return;
  }
}

async function readBlock(state: State): Promise<{ block: Buffer; isLast: boolean }> {
  state.blocks += 1;
  if (state.blocks > state.limits.zstdBlocks) throw refusal(`more than ${state.limits.zstdBlocks} zstd blocks`);
  const header = await exactly(state.source, 3);
  const bits = header.readUIntLE(0, 3);
  // A block of type 1 is one byte, repeated.
  const bytes = ((bits >> 1) & 3) === 1 ? 1 : bits >> 3;
  // RFC 8878, 3.1.1.2.4: no block is larger.
  if (bytes > 131_072) throw refusal('a zstd block of more than 128 KiB');
  return { block: Buffer.concat([header, await exactly(state.source, bytes)]), isLast: (bits & 1) === 1 };
}

async function readHeader(source: Source, limits: LayerLimits): Promise<{ header: Buffer; hasChecksum: boolean }> {
  const descriptor = (await exactly(source, 1))[0] ?? 0;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const rest = await exactly(source, (isSingleSegment ? 0 : 1) + dictionaryBytes + sizeBytes);
  const window = isSingleSegment ? littleEndian(rest.subarray(dictionaryBytes)) : windowOf(rest[0] ?? 0);
  if (window > 2 ** limits.zstdWindowLog)
    throw refusal(`a zstd frame that needs more than 2^${limits.zstdWindowLog} bytes`);
  return { header: Buffer.concat([Buffer.from([descriptor]), rest]), hasChecksum: (descriptor & 4) !== 0 };
}

/** RFC 8878, 3.1.1.1.2. */
function windowOf(byte: number): number {
  const base = 2 ** (10 + (byte >> 3));
  return base + (base / 8) * (byte & 7);
}

function littleEndian(bytes: Buffer): number {
  const value = bytes.reduceRight((sum, byte) => sum * 256 + byte, 0);
  // RFC 8878, 3.1.1.1.4: the two-byte form begins at 256.
  return bytes.length === 2 ? value + 256 : value;
}

async function exactly(source: Source, length: number): Promise<Buffer> {
  const bytes = await source.take(length);
  if (bytes.length < length) throw cutShort();
  return bytes;
}

function cutShort(): Error {
  return refusal('the compressed data is cut short');
}
