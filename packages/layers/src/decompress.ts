// SPDX-License-Identifier: Apache-2.0
import { createHash, type Hash } from 'node:crypto';
import { pipeline, Readable, type Duplex } from 'node:stream';
import { constants, createGunzip, createZstdDecompress } from 'node:zlib';
import { EXIT, Failure, hasCode } from '@rkt/exit';
import type { LayerLimits } from './limits.ts';
import { quote, refusal } from './refusal.ts';
import { zstdFrames } from './zstd-frames.ts';

/** How a layer is compressed; images in appc's format have two ways more than those of the OCI. */
export type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz';

/** Bytes that have passed, counted and hashed. */
export interface Tally {
  readonly hash: Hash;
  bytes: number;
}

/** What `decompress` is given: the blob, what it is said to be, and where to count its bytes. */
export interface Compressed {
  readonly blob: AsyncIterable<Uint8Array>;
  readonly compression: Compression;
  readonly limits: LayerLimits;
  readonly compressed: Tally;
  readonly uncompressed: Tally;
}

const CHUNK_BYTES = 256 * 1024;

const MEDIA_TYPES: ReadonlyMap<string, Compression> = new Map([
  ...(['layer', 'layer.nondistributable'] as const).flatMap((kind): [string, Compression][] => [
    [`application/vnd.oci.image.${kind}.v1.tar`, 'none'],
    [`application/vnd.oci.image.${kind}.v1.tar+gzip`, 'gzip'],
    [`application/vnd.oci.image.${kind}.v1.tar+zstd`, 'zstd'],
  ]),
  ...(['diff', 'foreign.diff'] as const).flatMap((kind): [string, Compression][] => [
    [`application/vnd.docker.image.rootfs.${kind}.tar`, 'none'],
    [`application/vnd.docker.image.rootfs.${kind}.tar.gzip`, 'gzip'],
    [`application/vnd.docker.image.rootfs.${kind}.tar.zstd`, 'zstd'],
  ]),
  ['application/vnd.appc.image.aci', 'none'],
  ...(['gzip', 'zstd', 'bzip2', 'xz'] as const).map((kind): [string, Compression] => [
    `application/vnd.appc.image.aci+${kind}`,
    kind,
  ]),
]);

/** The bytes by which a way of compression can be told: as many as the longest magic, that of bzip2 with its first block. */
const MAGIC_BYTES = 10;

/** How a layer of this media type is compressed; refuses what is no layer. */
export function compressionOf(mediaType: string): Compression {
  const compression = MEDIA_TYPES.get(mediaType);
  if (compression === undefined) throw refusal(`the media type ${quote(mediaType)} is not that of a layer`);
  return compression;
}

/** A tally that has seen nothing. */
export function newTally(): Tally {
  return { hash: createHash('sha256'), bytes: 0 };
}

/** The digest of what the tally has seen; it can see nothing more. */
export function digestOf({ hash }: Tally): string {
  return `sha256:${hash.digest('hex')}`;
}

/** The tar in a blob. Every byte of both is counted and hashed, and a blob that grows beyond its limits is refused in time. */
export async function* decompress(input: Compressed): AsyncGenerator<Uint8Array> {
  const { compressed, uncompressed, limits } = input;
  for await (const chunk of expand(input)) {
    add(uncompressed, chunk);
    if (uncompressed.bytes > limits.uncompressedBytes) {
      throw refusal(`it expands to more than ${limits.uncompressedBytes} bytes`);
    }
    if (uncompressed.bytes > limits.ratioFreeBytes && uncompressed.bytes > limits.ratio * compressed.bytes) {
      throw refusal(`it expands to more than ${limits.ratio} times its size`);
    }
    yield chunk;
  }
}

/** The same for a blob about which nothing is said: its first bytes tell how it is compressed. */
export async function decompressAny(
  input: Omit<Compressed, 'compression'>,
): Promise<{ readonly compression: Compression; readonly tar: AsyncGenerator<Uint8Array> }> {
  const chunks = input.blob[Symbol.asyncIterator]();
  let first: Buffer = Buffer.alloc(0);
  let ended = false;
  while (first.length < MAGIC_BYTES && !ended) {
    const next = await chunks.next();
    if (next.done === true) ended = true;
    else first = Buffer.concat([first, next.value]);
  }
  const compression = first.length < 4 ? 'none' : compressionOfMagic(first);
  return { compression, tar: decompress({ ...input, compression, blob: resume(first, chunks) }) };
}

async function* resume(first: Buffer, chunks: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield first;
    yield* { [Symbol.asyncIterator]: () => chunks };
  } finally {
    await chunks.return?.();
  }
}

function expand(input: Compressed): AsyncIterable<Uint8Array> {
  const { limits, compression } = input;
  const blob = checkMagic(counted(input), compression);
  switch (compression) {
    case 'none':
      return blob;
    case 'gzip':
      return gunzip(blob, input.compressed);
    case 'zstd': {
      const params = { [constants.ZSTD_d_windowLogMax]: limits.zstdWindowLog };
      return throughEngine(zstdFrames(blob, limits), createZstdDecompress({ chunkSize: CHUNK_BYTES, params }));
    }
    case 'bzip2':
    case 'xz':
      return seldom(blob, compression, limits);
  }
}

/** What few images are compressed with is loaded for those alone. */
async function* seldom(
  blob: AsyncIterable<Uint8Array>,
  compression: 'bzip2' | 'xz',
  limits: LayerLimits,
): AsyncGenerator<Uint8Array> {
  if (compression === 'xz') yield* (await import('./xz.ts')).unxz(blob);
  else yield* (await import('./bzip2.ts')).bunzip2(blob, limits);
}

async function* counted({ blob, compressed, limits }: Compressed): AsyncGenerator<Uint8Array> {
  for await (const chunk of blob) {
    add(compressed, chunk);
    if (compressed.bytes > limits.compressedBytes) throw refusal(`it has more than ${limits.compressedBytes} bytes`);
    yield chunk;
  }
}

/** Refuses a blob that is compressed in another way than its media type says. */
async function* checkMagic(blob: AsyncIterable<Uint8Array>, compression: Compression): AsyncGenerator<Uint8Array> {
  const check = (first: Buffer): Buffer => {
    if (first.length < 4) throw refusal('it has fewer than four bytes');
    if (compressionOfMagic(first) === compression) return first;
    throw refusal(`it is not what its media type says, ${nameOf(compression)}`);
  };
  let first: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of blob) {
    if (first === undefined) {
      yield chunk;
      continue;
    }
    first = Buffer.concat([first, chunk]);
    if (first.length < MAGIC_BYTES) continue;
    yield check(first);
    first = undefined;
  }
  if (first !== undefined) yield check(first);
}

/** How a blob is compressed that begins with these bytes. */
function compressionOfMagic(bytes: Buffer): Compression {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return 'gzip';
  // Its first four bytes could begin the name of a file in a tar.
  if (/^BZh[1-9](?:1AY&SY|\x17rE8P\x90)/.test(bytes.toString('latin1', 0, MAGIC_BYTES))) return 'bzip2';
  if (bytes.toString('latin1', 0, 6) === '\xfd7zXZ\0') return 'xz';
  const word = bytes.readUInt32LE(0);
  return word === 0xfd2f_b528 || (word & 0xffff_fff0) >>> 0 === 0x184d_2a50 ? 'zstd' : 'none';
}

function nameOf(compression: Compression): string {
  return compression === 'none' ? 'an uncompressed tar' : `compressed with ${compression}`;
}

async function* gunzip(blob: AsyncIterable<Uint8Array>, compressed: Tally): AsyncGenerator<Uint8Array> {
  const engine = createGunzip({ chunkSize: CHUNK_BYTES });
  yield* throughEngine(blob, engine);
  // The engine takes members one after the other, but passes over everything behind a zero.
  if (engine.bytesWritten !== compressed.bytes) throw refusal('bytes behind the end of the gzip data');
}

async function* throughEngine(blob: AsyncIterable<Uint8Array>, engine: Duplex): AsyncGenerator<Uint8Array> {
  let failed: unknown;
  pipeline(Readable.from(blob, { objectMode: false }), engine, (error) => {
    failed = error;
  });
  try {
    for await (const chunk of engine) {
      if (!(chunk instanceof Uint8Array)) throw new Error('the decompressor made no bytes');
      yield chunk;
    }
  } catch (error) {
    throw describe(failed ?? error);
  }
}

function describe(error: unknown): unknown {
  if (error instanceof Failure) return error;
  if (hasCode(error, 'Z_BUF_ERROR')) return refusal('the compressed data is cut short');
  if (error instanceof Error && 'code' in error && /^Z(?:STD)?_/.test(String(error.code))) {
    return new Failure(EXIT.dataRefused, `cannot unpack layer: malformed compressed data: ${error.message}`);
  }
  return error;
}

function add(tally: Tally, chunk: Uint8Array): void {
  tally.hash.update(chunk);
  tally.bytes += chunk.length;
}
