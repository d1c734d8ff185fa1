// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, statSync } from 'node:fs';
import { hasCode } from '@rkt/exit';
import { libraryFile } from '@rkt/files';
import type { Store } from '@rkt/store';

/**
 * Changes a store with the rights of its owner and no others, if root does it.
 *
 * Where rkt is installed, members of a group write into that store as well: a link that one of them puts there must not lead
 * root to files that the owner of the store could not remove.
 */
export async function asOwner<T>({ dir }: Store, change: () => Promise<T>): Promise<T> {
  const { uid, gid } = statSync(dir);
  if (process.geteuid?.() !== 0 || uid === 0) return change();
  process.setgroups?.([]);
  process.setegid?.(gid);
  process.seteuid?.(uid);
  try {
    if (canRunHelpers()) return await change();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
  // A clone at a place of root's alone goes on working on a machine where rkt is installed.
  return change();
}

/** True if this user may run stage1, which takes the locks. */
function canRunHelpers(): boolean {
  try {
    closeSync(openSync(libraryFile('stage1'), 'r'));
    return true;
  } catch (error) {
    if (hasCode(error, 'EACCES')) return false;
    throw error;
  }
}
