// SPDX-License-Identifier: Apache-2.0
import { createReadStream } from 'node:fs';

/** The bytes of a file that is open, from its beginning each time, and no more than it had: whoever owns it may be writing on. */
export function contentOf(fd: number, sizeBytes: number): () => AsyncIterable<Uint8Array> {
  const options = { fd, autoClose: false, start: 0, highWaterMark: 64 * 1024 };
  return () => (sizeBytes === 0 ? nothing() : createReadStream('', { ...options, end: sizeBytes - 1 }));
}

/** No bytes. */
export async function* nothing(): AsyncGenerator<Uint8Array> {
  // An empty range has no beginning and no end that a stream could be given.
}
