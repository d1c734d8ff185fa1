// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { hasCode } from '@rkt/exit';
import { type Status } from '@rkt/formats';

/** The pid on the host of the process of an app, by its status; undefined if it has ended. */
export function livingPid({ started, ended }: Status): number | undefined {
  const [pid, nspid] = started?.pids ?? [];
  // The number may be somebody else's by now.
  return pid !== undefined && ended === undefined && nspidOf(pid) === nspid ? pid : undefined;
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
