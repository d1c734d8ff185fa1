// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import { hierarchiesOf, killPod } from '@rkt/cgroups';
import { hasCode } from '@rkt/exit';
import { lockedFiles } from '@rkt/files';
import { inspectPod, type PodView } from '@rkt/inspect';
import type { Processes } from './processes.ts';

const LAST_WORDS_MS = 2000;
const LOOK_EVERY_MS = 20;

/**
 * Kills the pod's pid 1, and with it every process of the pod; its parent lives on to write that down.
 *
 * A parent that does not end by itself, because somebody stopped it, is killed as well: the pod must let go of its lock.
 */
export async function kill(dir: string, { pod, manifest }: PodView, { parent, init }: Processes): Promise<void> {
  signal(init, 'SIGKILL');
  signal(parent, 'SIGCONT');
  await killPod(pod.uuid, hierarchiesOf(manifest));
  const deadline = performance.now() + LAST_WORDS_MS;
  while (inspectPod(dir, pod, lockedFiles())?.state === 'running') {
    if (performance.now() > deadline) return signal(parent, 'SIGKILL');
    await sleep(LOOK_EVERY_MS);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}
