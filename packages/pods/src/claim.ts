// SPDX-License-Identifier: Apache-2.0
import { fstatSync, lstatSync } from 'node:fs';
import { hasCode, nameIn } from '@rkt/exit';
import { tryLock, type Lock } from '@rkt/files';
import type { Pod } from './pods.ts';

/**
 * Takes the lock of a pod if nobody holds it and the pod still lies where it was seen; undefined otherwise.
 *
 * The lock belongs to the directory, wherever it was moved between the look and the lock: hence the second look.
 * Whatever is not a directory is not a pod.
 */
export function claim(pod: Pod): Lock | undefined {
  const seen = lstatSync(pod.path, { throwIfNoEntry: false });
  if (seen === undefined || !seen.isDirectory()) return undefined;
  const lock = lockThere(pod);
  if (lock === undefined) return undefined;
  const [held, there] = [nameIn(pod.path, () => fstatSync(lock.fd)), lstatSync(pod.path, { throwIfNoEntry: false })];
  if (there?.ino === held.ino && there.dev === held.dev) return lock;
  lock[Symbol.dispose]();
  return undefined;
}

function lockThere({ path }: Pod): Lock | undefined {
  try {
    return tryLock(path);
  } catch (error) {
    // Moved away since the first look.
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
