// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, Failure } from '@rkt/exit';
import { runStage1, writeScratch } from '@rkt/files';
import { printable } from '@rkt/names';
import { printPlan, type Line } from '@rkt/plan';
import { RANGE_SIZE } from '@rkt/pods';

/** What the kernel answers for what it cannot or must not do; ENOSPC and EUSERS: there may be no more user namespaces. */
const CANNOT =
  /: (?:operation not permitted|operation not supported|function not implemented|invalid argument)$|^namespaces: .*: (?:no space left on device|too many users)$/;

/**
 * Why a pod here cannot have a user namespace of its own, or undefined if it can.
 *
 * It is tried, with a plan: make the namespace, map the file system of the layers into it. What the kernel or
 * the file system cannot do shows in the message of stage1. Any other failure says nothing of the machine, and must not
 * cost a pod its user namespace: it is one of the whole preparation.
 */
export function userNamespaceProblem(dir: string, scratch: string): string | undefined {
  const layers = join(dir, 'layers');
  mkdirSync(layers, { recursive: true, mode: 0o700 });
  const path = join(scratch, 'probe.plan');
  writeScratch(path, printPlan(probe(layers)));
  const problem = runStage1(path)?.replace(/^stage1: [^ ]*: /, '');
  if (problem === undefined || CANNOT.test(problem)) return problem;
  throw new Failure(EXIT.system, `cannot try user namespaces in "${scratch}": ${printable(problem)}`);
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
