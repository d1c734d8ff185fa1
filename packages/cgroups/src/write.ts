// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { hasCode, nameIn } from '@rkt/exit';
import { read, words } from './hierarchies.ts';

/** Writes to a file of a cgroup, which takes what one call brings or refuses it. */
export function write(path: string, text: string): void {
  // Nobody may read some of them, and root may have no capability that stands in for that.
  const fd = openSync(path, constants.O_WRONLY);
  try {
    nameIn(path, () => writeSync(fd, text));
  } finally {
    closeSync(fd);
  }
}

/** How often the list of processes is read again, because those that fork while they are moved leave children behind. */
const ROUNDS = 100;

/** Moves the processes of a cgroup of one hierarchy into one of another hierarchy, whose processes are then the same. */
export function moveInto(target: string, source: string): void {
  for (let round = 0; round < ROUNDS; round++) {
    // 0 stands for a process of a pid namespace outside ours: whoever wrote it would move itself.
    const there = new Set(words(read(`${target}/cgroup.procs`) ?? ''));
    const left = words(read(`${source}/cgroup.procs`) ?? '').filter((pid) => pid !== '0' && !there.has(pid));
    if (left.length === 0) return;
    for (const pid of left) moveProcess(target, pid);
  }
}

function moveProcess(target: string, pid: string): void {
  try {
    write(`${target}/cgroup.procs`, pid);
  } catch (error) {
    // It has ended meanwhile.
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}
