// SPDX-License-Identifier: Apache-2.0
import { lstatSync, rmSync, statfsSync } from 'node:fs';
import { EXIT, Failure, hasCode } from '@rkt/exit';
import { tryLock } from '@rkt/files';
import { type Digest } from '@rkt/names';
import { blobPath, partialPath, partialsPath } from './paths.ts';
import { type BlobDescriptor } from './read.ts';

/** Says that a disk is too full before the download, not at its end. */
export function requireSpace(path: string, wantedBytes: number): void {
  const { bsize, blocks, bavail, bfree } = statfsSync(path);
  // Some file systems of the network and of user space do not count.
  if (blocks === 0) return;
  const freeBytes = (process.geteuid?.() === 0 ? bfree : bavail) * bsize;
  if (wantedBytes <= freeBytes) return;
  const cause = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  throw new Failure(
    EXIT.system,
    `cannot write "${path}": no space left on device: wanted ${wantedBytes} bytes, ${freeBytes} are free`,
    { cause },
  );
}

/** Says that a disk is too full for blobs that are not there yet, less what is there of them. */
export function requireSpaceFor(dir: string, blobs: Iterable<BlobDescriptor>): void {
  let wantedBytes = 0;
  for (const { digest, size } of blobs) {
    if (sizeOf(blobPath(dir, digest)) !== size)
      wantedBytes += size - Math.min(size, sizeOf(partialPath(dir, digest)) ?? 0);
  }
  requireSpace(partialsPath(dir), wantedBytes);
}

function sizeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.size;
}

/** Removes what is there of blobs that nobody is writing: on a full disk it helps nobody. */
export function removePartials(dir: string, digests: Iterable<Digest>): void {
  for (const digest of digests) {
    const path = partialPath(dir, digest);
    try {
      using held = tryLock(path);
      if (held !== undefined) rmSync(path, { force: true });
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
  }
}
