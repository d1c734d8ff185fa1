// SPDX-License-Identifier: Apache-2.0
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { nameIn } from '@rkt/exit';

/** Makes the entries of a directory durable: what was renamed into it or out of it stays so after a power cut. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    nameIn(path, () => fsyncSync(fd));
  } finally {
    closeSync(fd);
  }
}

/**
 * Replaces a file whole: a reader sees the old content or the new one, also after `kill -9` or a power cut.
 *
 * The temporary file lies beside it as `.NAME.RANDOM.tmp`; a crash leaves at most that.
 */
export function writeDurably(path: string, content: string | Uint8Array, mode = 0o644): void {
  const temporary = temporaryBeside(path);
  const fd = openSync(temporary, 'wx', mode);
  try {
    nameIn(path, () => writeAndSync(fd, content));
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  syncDirectory(dirname(path));
}

/** Writes a new file without the pains of a replacement, for a directory that is itself renamed into place later. */
export function writeNew(path: string, content: string | Uint8Array, mode = 0o644): void {
  const fd = openSync(path, 'wx', mode);
  try {
    nameIn(path, () => writeAndSync(fd, content));
  } finally {
    closeSync(fd);
  }
}

/** Writes a new file that nobody reads but a child of this process, so it need not outlive a power cut. */
export function writeScratch(path: string, content: string | Uint8Array): void {
  const fd = openSync(path, 'wx', 0o600);
  try {
    nameIn(path, () => writeAll(fd, content));
  } finally {
    closeSync(fd);
  }
}

/** A name in the same directory that no other process uses. */
export function temporaryBeside(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
}

/** Renames, and leaves it to a later sync of the directories, or to nobody, to make the move durable. */
export function renameUnsynced(from: string, to: string): void {
  renameSync(from, to);
}

/** Renames and makes the move durable in both directories. */
export function renameDurably(from: string, to: string): void {
  renameSync(from, to);
  syncDirectory(dirname(to));
  if (dirname(from) !== dirname(to)) syncDirectory(dirname(from));
}

function writeAndSync(fd: number, content: string | Uint8Array): void {
  writeAll(fd, content);
  fsyncSync(fd);
}

function writeAll(fd: number, content: string | Uint8Array): void {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
}
