// SPDX-License-Identifier: Apache-2.0
import type { Usage } from '@rkt/cgroups';
import { readProcess } from '@rkt/inspect';

/** The kernel counts processor time of processes in hundredths of a second, whatever its own clock is. */
const TICK_USEC = 10_000;

/** A process and those that it has started, as far as they have a parent among them. */
export function descendantsOf(pid: number): number[] {
  const found = [pid];
  for (const each of found) {
    const children = readProcess(each, `task/${each}/children`).trim().split(' ').filter(Boolean).map(Number);
    found.push(...children.filter((child) => !found.includes(child)));
  }
  return found;
}

/** What processes use that no cgroup counts: pages that several have count for each. */
export function usageOfProcesses(pids: readonly number[]): Usage {
  const texts = pids.map((pid) => ({ status: readProcess(pid, 'status'), stat: readProcess(pid, 'stat') }));
  const alive = texts.filter(({ status, stat }) => status !== '' && stat !== '');
  if (alive.length === 0) return {};
  const sum = (valueOf: (text: { status: string; stat: string }) => number) =>
    alive.reduce((total, text) => total + valueOf(text), 0);
  return {
    memoryBytes: sum(({ status }) => numberIn(status, 'VmRSS') * 1024),
    cpuUsec: sum(({ stat }) => ticksOf(stat) * TICK_USEC),
    pids: sum(({ status }) => numberIn(status, 'Threads')),
  };
}

function numberIn(status: string, name: string): number {
  return Number(new RegExp(String.raw`^${name}:\s*(\d+)`, 'm').exec(status)?.[1] ?? 0);
}

/** utime and stime, the 14th and 15th field of proc_pid_stat(5); the second is a name that may have anything in it. */
function ticksOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
}
