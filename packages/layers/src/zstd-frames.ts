// SPDX-License-Identifier: Apache-2.0
import type { LayerLimits } from './limits.ts';
import { refusal } from './refusal.ts';
import { sourceOf, type Source } from './source.ts';

const FRAME = 0xfd2f_b528;
const SKIPPABLE = 0x184d_2a50;

/**
 * Passes on the frames of a zstd stream (RFC 8878, 3.1) so that no chunk reaches beyond the end of a frame, and drops skippable ones.
 *
 * Node's decompressor ends at the first frame that ends within a chunk, and goes on if it ends with the chunk.
 * On the way, frames that ask for more memory than allowed, and bytes that are no frame, are refused.
 */
export async function* zstdFrames(stream: AsyncIterable<Uint8Array>, limits: LayerLimits): AsyncGenerator<Buffer> {
  const source = sourceOf(stream);
  for (;;) {
    const head = await source.take(4);
    if (head.length === 0) return;
    if (head.length < 4) throw refusal('bytes behind the end of the zstd data');
    const magic = head.readUInt32LE(0);
    if (magic === FRAME) yield* frame(head, source, limits);
    else if ((magic & 0xffff_fff0) >>> 0 === SKIPPABLE) await skipFrame(source);
    else throw refusal('bytes behind the end of the zstd data');
  }
}

async function skipFrame(source: Source): Promise<void> {
  const length = await exactly(source, 4);
  if (!(await source.copy(length.readUInt32LE(0), () => undefined))) throw cutShort();
}

async function* frame(magic: Buffer, source: Source, limits: LayerLimits): AsyncGenerator<Buffer> {
  const { header, hasChecksum } = await readHeader(source, limits);
  yield Buffer.concat([magic, header]);
  for (;;) {
    const blockHeader = await exactly(source, 3);
    const bits = blockHeader.readUIntLE(0, 3);
    const type = (bits >> 1) & 3;
    // A block of type 1 is one byte, repeated.
    const bytes = type === 1 ? 1 : bits >> 3;
    // RFC 8878, 3.1.1.2.4: no block is larger.
    if (bytes > 131_072) throw refusal('a zstd block of more than 128 KiB');
    const isLast = (bits & 1) === 1;
    const body = await exactly(source, bytes + (isLast && hasChecksum ? 4 : 0));
    yield Buffer.concat([blockHeader, body]);
    if (isLast) return;
  }
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
