// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { closeSync, constants, createReadStream, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Bytes that are kept on disk while an image is fetched, in a file that has no name, so that nobody has to clean up. */
export interface Spool extends Disposable {
  readonly fd: number;
  /** The bytes that were written so far. */
  readonly size: () => number;
  readonly write: (bytes: Uint8Array) => void;
}

/** A piece of a file. */
export interface Place {
  readonly offset: number;
  readonly size: number;
}

/** Opens an empty spool in the directory of a store, which is where the bytes go in the end. */
export function openSpool(store: { readonly dir: string }): Spool {
  const directory = join(store.dir, 'partial');
  mkdirSync(directory, { recursive: true });
  // In the form of the other temporary files there: should somebody kill us before the next line, the collector finds it.
  const path = join(directory, `.${randomBytes(32).toString('hex')}.0.tmp`);
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
  rmSync(path);
  let size = 0;
  return {
    fd,
    size: () => size,
    write: (bytes) => {
      for (let done = 0; done < bytes.byteLength;) {
        const count = writeSync(fd, bytes, done, bytes.byteLength - done, size);
        done += count;
        size += count;
      }
    },
    [Symbol.dispose]: () => closeSync(fd),
  };
}

/** The bytes of a place from an offset on. */
export async function* readPlace(fd: number, { offset, size }: Place, from = 0): AsyncGenerator<Uint8Array> {
  if (from >= size) return;
  const [start, end] = [offset + from, offset + size - 1];
  yield* createReadStream('', { fd, autoClose: false, start, end, highWaterMark: 1024 * 1024 });
}
