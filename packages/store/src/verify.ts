// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { hasCode } from '@rkt/exit';
import { type Digest } from '@rkt/names';
import { readAll } from './add.ts';
import { digestsIn, reachableBlobs } from './collect.ts';
import { blobPath, blobsPath } from './paths.ts';

/** What a check of one blob found. */
export interface VerifiedBlob {
  readonly digest: Digest;
  readonly state: 'ok' | 'corrupt' | 'missing';
  readonly size: number;
}

/** Hashes every blob of the store, or those of the given ones, and tells which are damaged or missing. */
export async function verifyBlobs(dir: string, digests?: Iterable<Digest>): Promise<VerifiedBlob[]> {
  const wanted = new Set(digests ?? [...reachableBlobs(dir), ...digestsIn(blobsPath(dir))]);
  const found: VerifiedBlob[] = [];
  for (const digest of [...wanted].toSorted()) found.push(await verifyBlob(dir, digest));
  return found;
}

/** Hashes one blob. */
async function verifyBlob(dir: string, digest: Digest): Promise<VerifiedBlob> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  let fd: number | undefined;
  try {
    fd = openSync(blobPath(dir, digest), flags);
    if (!fstatSync(fd).isFile()) return { digest, state: 'corrupt', size: 0 };
    const hash = createHash('sha256');
    let size = 0;
    for await (const chunk of readAll(fd)) {
      hash.update(chunk);
      size += chunk.byteLength;
    }
    return { digest, state: `sha256:${hash.digest('hex')}` === digest ? 'ok' : 'corrupt', size };
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return { digest, state: 'missing', size: 0 };
    if (hasCode(error, 'ELOOP', 'ENXIO')) return { digest, state: 'corrupt', size: 0 };
    throw error;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
