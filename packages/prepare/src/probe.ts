// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { runStage1, writeScratch } from '@rkt/files';
import { printPlan, type Line } from '@rkt/plan';
import { RANGE_SIZE } from '@rkt/pods';

/**
 * Why a pod here cannot have a user namespace of its own, or undefined if it can.
 *
 * It is tried, with a plan: make the namespace, map the file system of the layers into it. What the kernel or
 * the file system cannot do shows in the message of stage1.
 */
export function userNamespaceProblem(dir: string, scratch: string): string | undefined {
  const layers = join(dir, 'layers');
  mkdirSync(layers, { recursive: true, mode: 0o700 });
  const path = join(scratch, 'probe.plan');
  writeScratch(path, printPlan(probe(layers)));
  return runStage1(path)?.replace(/^stage1: [^ ]*: /, '');
}

function probe(layers: string): Line[] {
  const map = [{ inside: 0, outside: 0x10000000, count: RANGE_SIZE }];
  return [
    { op: '#', text: 'can the layers be mapped into a user namespace?' },
    { op: 'namespaces', flags: ['CLONE_NEWUSER'], fd: 10, uid_map: map, gid_map: map },
    { op: 'open_tree', fd: 11, dirfd: 'AT_FDCWD', path: layers, flags: ['OPEN_TREE_CLONE', 'OPEN_TREE_CLOEXEC'] },
    {
      op: 'mount_setattr',
      fd: 11,
      flags: [],
      attr_set: ['MOUNT_ATTR_IDMAP'],
      attr_clr: [],
      propagation: [],
      userns_fd: 10,
    },
  ];
}
