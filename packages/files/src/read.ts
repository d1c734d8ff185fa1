// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { EXIT, Failure, hasCode, nameIn } from '@rkt/exit';

/**
 * Opens a regular file for reading and never anything else: a symbolic link as the last component, a FIFO or a device is refused.
 *
 * The caller closes the descriptor. Returns undefined if there is no such file.
 */
export function openRegular(path: string): number | undefined {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
  let fd: number;
  try {
    fd = openSync(path, flags);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    if (hasCode(error, 'ELOOP', 'ENXIO')) throw refused(path);
    throw error;
  }
  if (nameIn(path, () => fstatSync(fd)).isFile()) return fd;
  closeSync(fd);
  throw refused(path);
}

/** The whole content of a regular file of at most the given size, or undefined if there is no such file. */
export function readRegular(path: string, limitBytes: number): Buffer | undefined {
  const fd = openRegular(path);
  if (fd === undefined) return undefined;
  try {
    return readBounded(fd, path, limitBytes);
  } finally {
    closeSync(fd);
  }
}

/** Reads a descriptor to its end, refusing more than the limit; the path is for the message. */
export function readBounded(fd: number, path: string, limitBytes: number): Buffer {
  const chunks: Buffer[] = [];
  let total = 0;
  // As much as the file seems to have and one byte more; what has no size, such as a pipe, comes in pieces.
  const { size } = nameIn(path, () => fstatSync(fd));
  const chunkBytes = Math.min(size || 65536, limitBytes) + 1;
  for (;;) {
    const chunk = Buffer.allocUnsafe(chunkBytes);
    const count = nameIn(path, () => readSync(fd, chunk));
    if (count === 0) return Buffer.concat(chunks, total);
    total += count;
    if (total > limitBytes) {
      throw new Failure(EXIT.dataRefused, `cannot read "${path}": it is larger than ${limitBytes} bytes`);
    }
    chunks.push(chunk.subarray(0, count));
  }
}

/** The text of a file that nobody but root or we ourselves can have put there, such as those of the kernel. */
export function readText(path: string): string {
  return nameIn(path, () => readFileSync(path, 'utf8'));
}

function refused(path: string): Failure {
  return new Failure(EXIT.dataRefused, `cannot read "${path}": not a regular file`);
}
