// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Failure, hasCode } from '@rkt/exit';
import { exists, namesIn, readRegular, writeDurably } from '@rkt/files';
import { parseRemote, printRemote, type Remote } from '@rkt/formats';
import { type Digest } from '@rkt/names';
import { cannotWrite } from './errors.ts';
import { makeBelow } from './layout.ts';
import { partialsPath, remotePath, remotesPath } from './paths.ts';

const RECORD_BYTES_MAX = 64 * 1024;

/** The name of what belongs to an address: 64 digits, as those of a blob. */
export function keyOf(url: string): string {
  return createHash('sha256').update(`remote ${url}`).digest('hex');
}

/** What is remembered of a download; undefined if nothing is, or if it cannot be read: then it is made anew. */
export function findRemote(dir: string, url: string): Remote | undefined {
  const record = readRecord(remotePath(dir, keyOf(url)));
  return record?.url === url ? record : undefined;
}

/** Remembers a download. The address may have a secret in it, so the record is for its owner alone. */
export function writeRemote(dir: string, record: Omit<Remote, 'version'>): void {
  const path = remotePath(dir, keyOf(record.url));
  try {
    makeBelow(dir, remotesPath(dir));
    writeDurably(path, printRemote(record), 0o600);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/** Forgets downloads whose image the store does not have any more, and those of which nothing is there. */
export function forgetRemotes(dir: string, isKept: (image: Digest) => boolean): void {
  for (const name of namesIn(remotesPath(dir))) {
    const key = /^([0-9a-f]{64})\.json$/.exec(name)?.[1];
    const path = join(remotesPath(dir), name);
    const record = key === undefined ? undefined : readRecord(path);
    if (key === undefined || record === undefined) continue;
    const isUsed = record.image === undefined ? exists(partialsPath(dir), key) : isKept(record.image.manifest);
    if (!isUsed) rmSync(path, { force: true });
  }
}

function readRecord(path: string): Remote | undefined {
  try {
    const bytes = readRegular(path, RECORD_BYTES_MAX);
    return bytes === undefined ? undefined : parseRemote(bytes.toString(), path);
  } catch (error) {
    // One of another user, in a store of several, is for that user.
    if (error instanceof Failure || hasCode(error, 'EACCES')) return undefined;
    throw error;
  }
}
