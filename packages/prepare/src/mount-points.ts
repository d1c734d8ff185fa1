// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { EXIT, Failure } from '@rkt/exit';
import { removeTree, renameDurably, runStage1, writeScratch } from '@rkt/files';
import { hexOf, type Digest } from '@rkt/names';
import { printPlan, type Line } from '@rkt/plan';
import { makeWorkplace, mountWorkplace, type Workplace } from './workplace.ts';

/** What every app has something mounted on. */
const DIRECTORIES = ['/proc', '/dev', '/sys'];
const FILES = ['/etc/hostname', '/etc/hosts'];

/**
 * Makes the mount points of an image as one more layer on its layers: `layers/HEX/mount-points`, beside the tree of the
 * topmost. Its pods share it, and none of them has to write into its own layer before it starts.
 *
 * The paths are resolved by stage1 in the tree of the image, as they would be when a pod starts. The caller holds the lock
 * of `layers`.
 */
export function makeMountPoints(layers: string, chain: readonly Digest[]): void {
  const top = chain.at(-1);
  if (top === undefined) return;
  const workplace = makeWorkplace(layers, top, chain);
  try {
    const plan = join(workplace.path, 'plan');
    writeScratch(plan, printPlan(mountPointsPlan(workplace)));
    const why = runStage1(plan);
    if (why !== undefined) throw refused(top, why);
    renameDurably(join(workplace.path, 'tree'), join(layers, hexOf(top), 'mount-points'));
  } finally {
    removeTree(workplace.path);
  }
}

/** The path that the image has something else at, of what stage1 says: `stage1: FILE:LINE: target: … "4 3 PATH KIND": REASON`. */
function refused(top: Digest, why: string): Failure {
  const [, path, reason] = /"4 3 (\S+) S_IF\w+": (.*)$/.exec(why) ?? [];
  const what = path === undefined ? why : `nothing can be mounted on "${path}": ${reason}`;
  return new Failure(EXIT.dataRefused, `cannot use the image whose topmost layer is "${top}": ${what}`);
}

function mountPointsPlan(workplace: Workplace): Line[] {
  const target = (path: string, kind: 'S_IFDIR' | 'S_IFREG'): Line => ({ op: 'target', fd: 4, rootfd: 3, path, kind });
  return [
    { op: '#', text: 'makes what will be mounted on, in the tree of an image' },
    { op: 'unshare', flags: ['CLONE_NEWNS'] },
    ...mountWorkplace(workplace),
    { op: 'open', fd: 3, path: '.', flags: ['O_PATH', 'O_DIRECTORY', 'O_CLOEXEC'], mode: 0 },
    ...DIRECTORIES.map((path) => target(path, 'S_IFDIR')),
    ...FILES.map((path) => target(path, 'S_IFREG')),
  ];
}
