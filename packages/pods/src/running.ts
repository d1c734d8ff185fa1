// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { lockedFiles } from '@rkt/files';
import type { Pod } from './pods.ts';

/** Whether the pod runs: it lies among those that do, and its supervisor holds its lock. */
export function isRunning(pod: Pod): boolean {
  return pod.phase === 'run' && lockedFiles()(pod.path);
}

/** The refusal of what can only be done with a pod that runs. */
export function notRunning({ uuid }: Pod): Failure {
  return new Failure(EXIT.no, `pod "${uuid}" isn't currently running`);
}
