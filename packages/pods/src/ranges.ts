// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { linkSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, Failure, hasCode } from '@rkt/exit';
import { namesIn, readRegular, syncDirectory, writeNew } from '@rkt/files';
import { isPodUuid, type PodUuid } from '@rkt/names';

/** The number of ids in a range: as many as the image format can name without surprise. */
export const RANGE_SIZE = 65536;

// Ranges lie from 0x10000000 to 0x6fff0000: above the subordinate ids that useradd hands out and below
// 1879048192, where the range ends that systemd documents as free for containers.
const FIRST_SLOT = 0x1000;
const SLOTS = 0x6000;

/**
 * Allocates a range of user and group ids for a pod: the file `ranges/SLOT`, made exclusively, holds the pod's UUID.
 *
 * It is written under another name and linked to its own: a file without its UUID would belong to nobody for ever.
 * Returns the first id on the host.
 */
export function allocateRange(dir: string, uuid: PodUuid): number {
  const ranges = join(dir, 'ranges');
  mkdirSync(ranges, { recursive: true, mode: 0o700 });
  const written = join(ranges, `.${uuid}.tmp`);
  writeNew(written, `${uuid}\n`, 0o600);
  try {
    const slot = claimSlot(ranges, uuid, written);
    syncDirectory(ranges);
    return slot * RANGE_SIZE;
  } finally {
    rmSync(written, { force: true });
  }
}

function claimSlot(ranges: string, uuid: PodUuid, written: string): number {
  const start = createHash('sha256').update(uuid).digest().readUInt32BE() % SLOTS;
  for (let step = 0; step < SLOTS; step++) {
    const slot = FIRST_SLOT + ((start + step) % SLOTS);
    if (isClaimed(written, join(ranges, String(slot)))) return slot;
  }
  throw new Failure(EXIT.system, `cannot allocate user ids: all ${SLOTS} ranges in "${ranges}" are taken`);
}

/** Frees the ranges of pods that are gone, and removes what a killed allocator has left. */
export function releaseRanges(dir: string, isGone: (uuid: PodUuid) => boolean): void {
  const ranges = join(dir, 'ranges');
  for (const name of namesIn(ranges)) {
    const path = join(ranges, name);
    const uuid = /^\.(.*)\.tmp$/.exec(name)?.[1] ?? (/^\d+$/.test(name) ? uuidIn(path) : '');
    if (isPodUuid(uuid) && isGone(uuid)) rmSync(path, { force: true });
  }
}

function uuidIn(path: string): string {
  return readRegular(path, 64)?.toString().trim() ?? '';
}

function isClaimed(written: string, path: string): boolean {
  try {
    linkSync(written, path);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}
