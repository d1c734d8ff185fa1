// SPDX-License-Identifier: Apache-2.0
import { createHash, type Hash } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsync,
  ftruncateSync,
  lstatSync,
  lutimesSync,
  openSync,
  read,
  rmSync,
  write,
} from 'node:fs';
import { promisify } from 'node:util';
import { EXIT, Failure, hasCode, nameIn } from '@rkt/exit';
import { lock, renameUnsynced, temporaryBeside, writeNew, type Lock } from '@rkt/files';
import { hexOf, type Digest } from '@rkt/names';
import { cannotWrite, isFull } from './errors.ts';
import { requireSpace } from './space.ts';
import { blobPath, partialPath, partialsPath } from './paths.ts';
import { type BlobDescriptor } from './read.ts';

/** The bytes of a blob from an offset on. */
export type BlobSource = (offset: number) => AsyncIterable<Uint8Array>;

const CHUNK_BYTES = 1024 * 1024;

// Loading fs/promises takes longer than writing a small image.
const [readChunk, writeChunk, sync] = [promisify(read), promisify(write), promisify(fsync)];

/**
 * Puts a blob into the store unless it is there: size and digest are checked while it is written, and it takes its place
 * by rename when its bytes are durable; its name becomes so by setReference. Of several processes one writes, the others
 * wait and find it done.
 *
 * What an interrupted writer left is hashed again and continued; what another user's left is written anew.
 */
export async function addBlob(
  dir: string,
  descriptor: BlobDescriptor,
  source: BlobSource,
): Promise<'present' | 'added'> {
  for (;;) {
    if (hasBlob(dir, descriptor)) return 'present';
    using held = await lockPartial(dir, partialPath(dir, descriptor.digest));
    if (held === undefined) continue;
    if (hasBlob(dir, descriptor)) {
      rmSync(partialPath(dir, descriptor.digest), { force: true });
      return 'present';
    }
    await writePartial(dir, descriptor, source);
    return 'added';
  }
}

/**
 * Puts a document that is in memory into the store unless it is there, at once: there is nothing to download or to continue,
 * so nobody waits for others who have the same bytes.
 */
export function addDocument(dir: string, digest: Digest, bytes: Uint8Array): void {
  const descriptor = { digest, size: bytes.byteLength };
  if (hasBlob(dir, descriptor)) return;
  const found = digestOf(createHash('sha256').update(bytes));
  if (found !== digest) throw wrong(descriptor, `its bytes have the digest "${found}"`);
  const temporary = temporaryBeside(partialPath(dir, digest));
  try {
    writeNew(temporary, bytes, 0o444);
    renameUnsynced(temporary, blobPath(dir, digest));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw cannotWrite(temporary, error);
  }
}

/** True if a blob of this digest and size is in its place; it counts as used now, which keeps the collector away from it. */
export function hasBlob(dir: string, { digest, size }: BlobDescriptor): boolean {
  const path = blobPath(dir, digest);
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined || !status.isFile() || status.size !== size) return false;
  try {
    const now = new Date();
    // Not what a link leads to: in a store of several users somebody may have put one there just now.
    lutimesSync(path, now, now);
  } catch (error) {
    // Somebody else's store, or gone in this moment.
    if (hasCode(error, 'ENOENT')) return false;
    if (!hasCode(error, 'EPERM', 'EACCES', 'EROFS')) throw error;
  }
  return true;
}

/** Locks a partial file; undefined if its last holder finished or gave up meanwhile: then look again. */
export async function lockPartial(dir: string, path: string): Promise<Lock | undefined> {
  let held: Lock;
  try {
    closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o644));
    held = await lock(path);
  } catch (error) {
    // Renamed into place or removed between the two times that it is opened; the helper that locks may be missing too.
    const isGone = hasCode(error, 'ENOENT') && error.syscall === 'open';
    if (isGone && lstatSync(partialsPath(dir), { throwIfNoEntry: false })) return undefined;
    if (hasCode(error, 'EACCES') && (await removeOfAnother(path))) return undefined;
    throw cannotWrite(path, error);
  }
  // The lock is on the file that was opened: it may have been renamed into place or removed since.
  const [ours, there] = [nameIn(path, () => fstatSync(held.fd)), lstatSync(path, { throwIfNoEntry: false })];
  if (there?.ino === ours.ino && there.dev === ours.dev) return held;
  held[Symbol.dispose]();
  return undefined;
}

/**
 * Waits until nobody writes a partial file that is not ours to write, and removes it; false if that is not allowed: then it
 * is the directory that we may not write.
 *
 * Nobody can make a file of another user read-only, so what one began the other does not end.
 */
async function removeOfAnother(path: string): Promise<boolean> {
  try {
    using held = await lock(path);
    const [locked, there] = [fstatSync(held.fd), lstatSync(path, { throwIfNoEntry: false })];
    if (there?.ino === locked.ino && there.dev === locked.dev) rmSync(path);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return canMakeBeside(path);
    if (hasCode(error, 'EACCES', 'EPERM')) return false;
    throw error;
  }
}

/** True if we may make files there. It is tried, because access(2) answers for the real user. */
function canMakeBeside(path: string): boolean {
  const temporary = temporaryBeside(path);
  try {
    writeNew(temporary, '');
    rmSync(temporary);
    return true;
  } catch (error) {
    if (hasCode(error, 'EACCES', 'EPERM')) return false;
    throw error;
  }
}

async function writePartial(dir: string, descriptor: BlobDescriptor, source: BlobSource): Promise<void> {
  const path = partialPath(dir, descriptor.digest);
  const fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    let { hash, kept } = await hashKept(fd, descriptor.size);
    requireSpace(path, descriptor.size - kept);
    for (;;) {
      await append(fd, { descriptor, source, hash, kept });
      const found = digestOf(hash);
      if (found === descriptor.digest) break;
      if (kept === 0) throw wrong(descriptor, `its bytes have the digest "${found}"`);
      // The part that was there may be what a power cut left of it: once more from the start.
      [hash, kept] = [createHash('sha256'), 0];
      ftruncateSync(fd);
    }
    await sync(fd);
    fchmodSync(fd, fstatSync(fd).mode & 0o444);
  } catch (error) {
    if (isFull(error) || (error instanceof Failure && error.status === EXIT.dataRefused)) rmSync(path, { force: true });
    throw cannotWrite(path, error);
  } finally {
    closeSync(fd);
  }
  place(dir, descriptor.digest);
}

function place(dir: string, digest: Digest): void {
  try {
    renameUnsynced(partialPath(dir, digest), blobPath(dir, digest));
  } catch (error) {
    throw cannotWrite(blobPath(dir, digest), error);
  }
}

interface Appended {
  readonly descriptor: BlobDescriptor;
  readonly source: BlobSource;
  readonly hash: Hash;
  readonly kept: number;
}

/** Writes what is missing behind what is kept. */
async function append(fd: number, { descriptor, source, hash, kept }: Appended): Promise<void> {
  let at = kept;
  // An interrupted writer may have written all there is.
  if (at === descriptor.size) return;
  for await (const chunk of source(at)) {
    if (at + chunk.byteLength > descriptor.size) throw wrong(descriptor, `it has more than ${descriptor.size} bytes`);
    hash.update(chunk);
    await writeAll(fd, chunk, at);
    at += chunk.byteLength;
  }
  if (at < descriptor.size) throw wrong(descriptor, `it ends after ${at} of ${descriptor.size} bytes`);
}

function digestOf(hash: Hash): string {
  return `sha256:${hash.digest('hex')}`;
}

/** Writes all of a chunk at a position. */
export async function writeAll(fd: number, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.byteLength;) {
    const { bytesWritten } = await writeChunk(fd, chunk, done, chunk.byteLength - done, position + done);
    done += bytesWritten;
  }
}

async function hashKept(fd: number, sizeMax: number): Promise<{ hash: Hash; kept: number }> {
  const hash = createHash('sha256');
  if (fstatSync(fd).size > sizeMax) {
    ftruncateSync(fd);
    return { hash, kept: 0 };
  }
  let kept = 0;
  for await (const chunk of readAll(fd)) {
    hash.update(chunk);
    kept += chunk.byteLength;
  }
  return { hash, kept };
}

/** The content of an open file from its start. */
export async function* readAll(fd: number): AsyncIterable<Uint8Array> {
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, fstatSync(fd).size + 1));
  for (let at = 0; ;) {
    const { bytesRead } = await readChunk(fd, buffer, 0, buffer.byteLength, at);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}

function wrong({ digest }: BlobDescriptor, what: string): Failure {
  return new Failure(EXIT.dataRefused, `cannot store blob "sha256:${hexOf(digest)}": ${what}`);
}
