// SPDX-License-Identifier: Apache-2.0
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, Failure } from '@rkt/exit';
import { renameDurably, runStage1, writeScratch } from '@rkt/files';
import { hexOf, type Digest } from '@rkt/names';
import { printPlan, type Line } from '@rkt/plan';
import { enterUserNamespace, removeOwnTree, type Caller } from '@rkt/rootless';
import { mountOwned } from './unpack-without-root.ts';
import { makeWorkplace, mountWorkplace, UNSEEN, type Workplace } from './workplace.ts';

/** What every app has something mounted on. */
const DIRECTORIES = ['/proc', '/dev', '/sys'];
const FILES = ['/etc/hostname', '/etc/hosts'];

/** Whose directory it is, and who calls, if that is not root. */
export interface ForWhom {
  readonly dir: string;
  readonly caller: Caller | undefined;
}

/**
 * Makes the mount points of an image as one more layer on its layers: `layers/HEX/mount-points/tree`, beside the tree of the
 * topmost. Its pods share it, and none of them has to write into its own layer before it starts.
 *
 * The paths are resolved by stage1 in the tree of the image, as they would be when a pod starts. The caller holds the lock
 * of `layers`.
 */
export function makeMountPoints({ dir, caller }: ForWhom, chain: readonly Digest[]): void {
  const layers = join(dir, 'layers');
  const top = chain.at(-1);
  if (top === undefined) return;
  const workplace = makeWorkplace(layers, top, chain);
  try {
    const plan = join(workplace.path, 'plan');
    writeScratch(plan, printPlan(mountPointsPlan(workplace, caller)));
    const why = runStage1(plan);
    if (why !== undefined) throw refused(top, why);
    for (const scratch of ['work', 'merged', 'below']) removeOwnTree(dir, join(workplace.path, scratch));
    rmSync(plan);
    // The tree itself may belong to the pod's root, and then its user could not move it.
    renameDurably(workplace.path, join(layers, hexOf(top), 'mount-points'));
  } catch (error) {
    removeOwnTree(dir, workplace.path);
    throw error;
  }
}

/** The path that the image has something else at, of what stage1 says: `stage1: FILE:LINE: target: … "4 3 PATH KIND": REASON`. */
function refused(top: Digest, why: string): Failure {
  const [, path, reason] = /"4 3 (\S+) S_IF\w+": (.*)$/.exec(why) ?? [];
  const what = path === undefined ? why : `nothing can be mounted on "${path}": ${reason}`;
  return new Failure(EXIT.dataRefused, `cannot use the image whose topmost layer is "${top}": ${what}`);
}

function mountPointsPlan(workplace: Workplace, caller: Caller | undefined): Line[] {
  const target = (path: string, kind: 'S_IFDIR' | 'S_IFREG'): Line => ({ op: 'target', fd: 4, rootfd: 3, path, kind });
  return [
    { op: '#', text: 'makes what will be mounted on, in the tree of an image' },
    ...(caller === undefined ? [] : [enterUserNamespace(caller.owner)]),
    { op: 'unshare', flags: ['CLONE_NEWNS'] },
    ...(caller === undefined
      ? [UNSEEN, ...mountWorkplace(workplace)]
      : mountOwned(caller.owner, { workplace, root: { uid: 0, gid: 0 } })),
    { op: 'open', fd: 3, path: '.', flags: ['O_PATH', 'O_DIRECTORY', 'O_CLOEXEC'], mode: 0 },
    ...DIRECTORIES.map((path) => target(path, 'S_IFDIR')),
    ...FILES.map((path) => target(path, 'S_IFREG')),
  ];
}
