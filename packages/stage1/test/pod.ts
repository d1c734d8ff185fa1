// SPDX-License-Identifier: Apache-2.0
import { spawnSync, type ChildProcess } from 'node:child_process';
import { appendFileSync, readFileSync, renameSync } from 'node:fs';
import { OWN_PROC, type Scratch, shell } from './stage1.ts';

interface PodOptions {
  readonly graceMs?: number;
  /** Lines before the first process is made. */
  readonly before?: readonly string[];
  /** Lines of the first process. */
  readonly init?: readonly string[];
  readonly stopSignal?: string;
  /** How apps are started, and started anew. */
  readonly manner?: string;
  readonly requests?: boolean;
}

/** The lines of a pod whose apps have these plans; writes the plans. */
export function podOf(
  scratch: Scratch,
  apps: Readonly<Record<string, readonly string[]>>,
  options: PodOptions = {},
): readonly string[] {
  const { graceMs = 60_000, before = [], init = [], stopSignal = 'SIGTERM', manner = 'PID_POD RESTART_NO 0' } = options;
  const append = 'O_WRONLY|O_CREAT|O_APPEND|O_CLOEXEC 0644';
  const names = Object.keys(apps);
  const requests = options.requests === true;
  scratch.plan([...init, 'reap'], 'init');
  for (const [name, lines] of Object.entries(apps)) {
    scratch.plan([...OWN_PROC, ...lines], `apps/${name}/plan`);
    scratch.write(`apps/${name}/status`, '');
  }
  return [
    ...before,
    `open 10 ${scratch.path('status')} ${append}`,
    ...(requests ? [`open 9 ${scratch.path('wake')} O_RDWR|O_NONBLOCK|O_CLOEXEC 0000`] : []),
    'init init - 10',
    ...names.map((name) => `app ${name} apps/${name}/plan - ${stopSignal} ${manner}`),
    `supervise ${graceMs} 10 ${requests ? 9 : '-'}`,
  ];
}

/** A pod without apps to which some can be added. */
export function sandbox(scratch: Scratch): ChildProcess {
  spawnSync('mkfifo', ['-m', '600', scratch.path('wake')]);
  scratch.write('apps/.keep', '');
  scratch.write('status', '');
  return scratch.start(podOf(scratch, {}, { requests: true }));
}

/** Asks something of the app. */
export function request(scratch: Scratch, name: string, text: string): void {
  scratch.write(`apps/${name}/request.tmp`, `${text}\n`);
  renameSync(scratch.path(`apps/${name}/request.tmp`), scratch.path(`apps/${name}/request`));
  appendFileSync(scratch.path('wake'), '!');
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
