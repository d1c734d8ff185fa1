// SPDX-License-Identifier: Apache-2.0
import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { Failure } from '@rkt/exit';
import { refusal } from './refusal.ts';

/** What the statuses of XZ Embedded mean. */
const STATUS: ReadonlyMap<string, string> = new Map([
  ['3', 'the xz data needs too much memory'],
  ['4', 'the xz data needs more than 64 MiB of memory'],
  ['5', 'bytes behind the end of the xz data'],
  ['6', 'the xz data is made with a filter or checksum that is not known here: wanted LZMA2, and CRC32 or CRC64'],
  ['7', 'malformed xz data'],
  ['8', 'the compressed data is cut short'],
]);

/** Expands xz, one stream after the other; no stream has more memory than 64 MiB for its dictionary. */
export async function* unxz(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { default: library } = await import('xz-decompress');
  const input = ReadableStream.from<Uint8Array>(stream);
  try {
    for await (const chunk of Readable.fromWeb(new library.XzReadableStream(input))) {
      if (!(chunk instanceof Uint8Array)) throw new Error('the decompressor made no bytes');
      yield chunk;
    }
  } catch (error) {
    if (error instanceof Failure || !(error instanceof Error)) throw error;
    const status = /error code (\d+)$/.exec(error.message)?.[1];
    if (status === undefined) throw error;
    throw refusal(STATUS.get(status) ?? 'malformed xz data');
  }
}
