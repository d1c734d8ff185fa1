// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { POD, type Scratch, shell } from './stage1.ts';

interface PodOptions {
  readonly graceMs?: number;
  /** Lines before the first process is made. */
  readonly before?: readonly string[];
  readonly stopSignal?: string;
}

/** The lines of a pod whose apps have these plans; writes the plans. */
export function podOf(
  scratch: Scratch,
  apps: Readonly<Record<string, readonly string[]>>,
  { graceMs = 60_000, before = [], stopSignal = 'SIGTERM' }: PodOptions = {},
): readonly string[] {
  const append = 'O_WRONLY|O_CREAT|O_APPEND|O_CLOEXEC 0644';
  const names = Object.keys(apps);
  for (const [name, lines] of Object.entries(apps)) scratch.plan(lines, `apps/${name}/plan`);
  return [
    ...before,
    `open 10 ${scratch.path('status')} ${append}`,
    ...names.map((name, index) => `open ${11 + index} ${scratch.path(`apps/${name}/status`)} ${append}`),
    ...POD,
    ...names.map((name, index) => `app ${name} apps/${name}/plan ${11 + index} - ${stopSignal}`),
    `supervise ${graceMs} 10`,
  ];
}

/** An app that says when it is ready and when it is told to stop, and then stops. */
export function obedient(name: string, signal = 'TERM'): string {
  return shell(`trap "echo ${name} stops; exit 0" ${signal}; echo ${name} ready; while :; do sleep 60 & wait; done`);
}

/** A status file without its times and pids. */
export function statusOf(scratch: Scratch, name: string): string {
  return scratch
    .read(name)
    .replace(/ \d+\.\d{9}$/gm, ' TIME')
    .replace(/^started( \d+)+/gm, 'started PID');
}

/** The children of a process, in the order of their start. */
export function childrenOf(pid: number | undefined): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.trim().split(' ').map(Number);
}

/** Whether there is such a process that has not ended. */
export function isAlive(pid: number | undefined): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
