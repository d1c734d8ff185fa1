// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, existsSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hierarchiesOf, killApp } from '@rkt/cgroups';
import { EXIT, Failure, hasCode } from '@rkt/exit';
import { writeDurably } from '@rkt/files';
import { type PodApp, type Status } from '@rkt/formats';
import { printable } from '@rkt/names';
import { isRunning, notRunning, readAppStatus, readError, readPod, type Pod } from '@rkt/pods';

/** How long the supervisor may take to start an app: it mounts and makes what the plan says. */
const START_MS = 60_000;
/** What the kernel may take to end an app after SIGKILL. */
const KILL_MS = 30_000;
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 50;

/** An app of a pod, and how long its end may take. */
export interface Stopped {
  readonly dir: string;
  readonly pod: Pod;
  readonly name: string;
  readonly timeoutMs: number;
}

/** Whether the app runs, or is about to run again; it only does while the pod does. */
export function isAlive({ started, ended }: Status): boolean {
  return started !== undefined && ended === undefined;
}

/** Starts an app that does not run, and waits until its program is executed; one that runs is left alone. */
export async function startApp(pod: Pod, name: string): Promise<void> {
  requireMutable(pod);
  requireApp(pod, name);
  const before = readAppStatus(pod, name);
  if (isAlive(before)) return;
  ask(pod, name, 'start');
  const isAnswered = ({ started, ended }: Status) =>
    started?.timeMs !== before.started?.timeMs || ended?.timeMs !== before.ended?.timeMs;
  const after = await waitFor({ pod, name, isMet: isAnswered, timeoutMs: START_MS });
  if (after.started !== undefined && after.started.timeMs !== before.started?.timeMs) return;
  throw new Failure(
    EXIT.notStarted,
    `cannot start app "${name}": ${readError(pod)?.split('\n').at(-1) ?? 'it failed'}`,
  );
}

/** Stops an app that runs, or that is about to be started anew, and waits for its end; answers no to any other. */
export async function stopApp({ pod, name, timeoutMs }: Stopped): Promise<void> {
  requireMutable(pod);
  const { restart } = requireApp(pod, name);
  if (!isAlive(readAppStatus(pod, name)) && restart.policy === 'no')
    throw new Failure(EXIT.no, `app "${name}" is not running`);
  ask(pod, name, `stop ${timeoutMs}`);
  // The supervisor takes the request away and starts the app no more: what runs then, ends.
  const request = requestOf(pod, name);
  const isMet = (status: Status) => !existsSync(request) && !isAlive(status);
  await waitFor({ pod, name, isMet, timeoutMs: timeoutMs + KILL_MS });
  // What it has left behind is in the processes of the pod, which goes on.
  await killApp({ pod: pod.uuid, app: name }, hierarchiesOf(readPod(pod)));
}

function requireMutable(pod: Pod): void {
  if (!isRunning(pod)) throw notRunning(pod);
  if (readPod(pod).mutable) return;
  throw new Failure(EXIT.no, `cannot change pod "${pod.uuid}": it is an immutable pod: wanted one of rkt app sandbox`);
}

/** The app must be one of the pod's: no other name becomes part of a path. */
export function requireApp(pod: Pod, name: string): PodApp {
  const { apps } = readPod(pod);
  const app = apps.find((candidate) => candidate.name === name);
  if (app !== undefined) return app;
  const names = apps.map((candidate) => candidate.name);
  throw new Failure(
    EXIT.notFound,
    `nonexistent app "${printable(name)}": the pod has ${names.length === 0 ? 'none' : names.join(', ')}`,
  );
}

function requestOf(pod: Pod, name: string): string {
  return join(pod.path, 'apps', name, 'request');
}

/** Leaves the request and wakes the supervisor: rkt-plan(5), Pods. */
function ask(pod: Pod, name: string, text: string): void {
  writeDurably(requestOf(pod, name), `${text}\n`, 0o600);
  const path = join(pod.path, 'requests');
  try {
    const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      writeSync(fd, '!');
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    // A fifo that is full wakes as well.
    if (hasCode(error, 'EAGAIN')) return;
    // Nobody has it open for reading, or it was never made.
    if (hasCode(error, 'ENXIO', 'ENOENT')) throw notRunning(pod);
    throw error;
  }
}

interface Wait {
  readonly pod: Pod;
  readonly name: string;
  readonly isMet: (status: Status) => boolean;
  readonly timeoutMs: number;
}

async function waitFor({ pod, name, isMet, timeoutMs }: Wait): Promise<Status> {
  const deadline = performance.now() + timeoutMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    const status = readAppStatus(pod, name);
    if (isMet(status)) return status;
    if (!isRunning(pod)) throw new Failure(EXIT.no, `pod "${pod.uuid}" has ended meanwhile`);
    if (performance.now() > deadline)
      throw new Failure(EXIT.tryAgain, `app "${name}" takes too long: the pod goes on with it`);
    await delay(pauseMs);
  }
}
