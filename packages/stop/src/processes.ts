// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { EXIT, Failure, hasCode } from '@rkt/exit';
import type { PodView } from '@rkt/inspect';

/** The two processes of a running pod, as the host numbers them. */
export interface Processes {
  /** stage1 outside of the pod: it forwards signals and writes the status. */
  readonly parent: number;
  /** The pod's pid 1. */
  readonly init: number;
}

/**
 * The processes of a running pod, or a refusal.
 *
 * The numbers come from a file, and numbers are used again: they are believed only while the lock is held and the second
 * process is both the child of the first one and the pid 1 of a pid namespace below ours.
 */
export function processesOf({ pod, status }: PodView): Processes {
  const [parent, init] = status.started?.pids ?? [];
  if (parent === undefined || init === undefined) {
    throw new Failure(EXIT.tryAgain, `cannot stop pod "${pod.uuid}": it is still being started: try again`);
  }
  const text = statusOf(init);
  const parentOfInit = Number(/^PPid:\t(\d+)$/m.exec(text)?.[1]);
  const numbers = /^NSpid:\t(.*)$/m.exec(text)?.[1]?.split('\t') ?? [];
  if (parent <= 1 || parentOfInit !== parent || numbers.length < 2 || numbers.at(-1) !== '1') {
    throw new Failure(EXIT.tryAgain, `cannot stop pod "${pod.uuid}": process ${init} is not its pid 1: try again`);
  }
  return { parent, init };
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return '';
    throw error;
  }
}
