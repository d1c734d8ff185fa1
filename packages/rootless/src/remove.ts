// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { EXIT, Failure, hasCode } from '@rkt/exit';
import { libraryFile, removeTree } from '@rkt/files';
import { type PodOwner } from '@rkt/formats';
import { printable } from '@rkt/names';
import { type Flag, type Line } from '@rkt/plan';
import { executeAs } from './execute.ts';
import { ownerOf } from './record.ts';

/**
 * Removes a directory tree of rkt's directory as `removeTree` does, also what belongs to subordinate ids of the caller.
 *
 * The directory at the path itself is the caller's. Its files go with the caller's own rights as far as these reach;
 * for the rest, a process in the user namespace of the caller does the same.
 */
export function removeOwnTree(dir: string, path: string): void {
  try {
    return removeTree(path);
  } catch (error) {
    const owner = hasCode(error, 'EACCES', 'EPERM') ? ownerOf(dir) : undefined;
    if (owner === undefined) throw error;
    removeAs(owner, path);
  }
}

function removeAs(owner: PodOwner, path: string): void {
  // The plan lies in the tree, so that it goes with it whatever happens.
  const why = executeAs(owner, {
    text: 'removes a tree with files of subordinate ids',
    plan: join(path, '.remove.plan'),
    lines: removal(path),
  });
  if (why !== undefined) throw new Failure(EXIT.system, `cannot remove "${printable(path)}": ${why}`);
}

const REMOVER: readonly Flag<'capability'>[] = ['CAP_DAC_OVERRIDE', 'CAP_FOWNER'];

function removal(path: string): Line[] {
  const program = [process.execPath, libraryFile('start.js'), libraryFile('remove-tree.js'), path];
  return [
    { op: 'unshare', flags: ['CLONE_NEWNET', 'CLONE_NEWIPC', 'CLONE_NEWUTS'] },
    { op: 'capbset', keep: REMOVER },
    { op: 'capset', effective: REMOVER, permitted: REMOVER, inheritable: [] },
    { op: 'prctl', option: 'PR_SET_NO_NEW_PRIVS', value: 1 },
    { op: 'exec', file: process.execPath, argv: program },
  ];
}
