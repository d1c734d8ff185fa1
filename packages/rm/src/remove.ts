// SPDX-License-Identifier: Apache-2.0
import { claim, deletePod } from '@rkt/collect';
import { EXIT, Failure } from '@rkt/exit';
import type { PodUuid } from '@rkt/names';
import { findPod, stateOf, type Pod, type State } from '@rkt/pods';

const IN_USE: Readonly<Partial<Record<State, string>>> = {
  running: 'it is currently running: stop it first',
  preparing: 'it is being prepared',
  'exited deleting': 'it is being deleted',
};

/** Deletes the pod whose UUID begins so, if nobody uses it; returns the UUID. */
export async function removePod(dir: string, prefix: string): Promise<PodUuid> {
  const pod = findPod(dir, prefix);
  using lock = claim(pod);
  if (lock === undefined) throw inUse(pod);
  await deletePod(dir, pod);
  return pod.uuid;
}

function inUse({ uuid, phase }: Pod): Failure {
  const why = IN_USE[stateOf(phase, () => true)] ?? 'somebody else works on it: try again';
  return new Failure(EXIT.tryAgain, `cannot remove pod "${uuid}": ${why}`);
}
