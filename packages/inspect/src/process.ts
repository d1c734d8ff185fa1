// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { hasCode } from '@rkt/exit';

/** The pid on the host of the child of a pod's pid 1 that has this pid in the pod; undefined if it has ended. */
export function hostPidOf(init: number, nspid: number | undefined): number | undefined {
  return nspid === undefined ? undefined : childrenOf(init).find((child) => nspidOf(child) === nspid);
}

function childrenOf(pid: number): number[] {
  return readProcess(pid, `task/${pid}/children`).trim().split(' ').filter(Boolean).map(Number);
}

/** The last number of the line NSpid: the pid in the innermost namespace. */
function nspidOf(pid: number): number | undefined {
  const line = /^NSpid:\s*(.*)$/m.exec(readProcess(pid, 'status'))?.[1];
  const last = line?.trim().split(/\s+/).at(-1);
  return last === undefined ? undefined : Number(last);
}

/** The text of a file of a process; empty if the process is gone. */
export function readProcess(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return '';
    throw error;
  }
}
