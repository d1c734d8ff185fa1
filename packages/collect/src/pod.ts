// SPDX-License-Identifier: Apache-2.0
import { hierarchiesOf, killPod, removePodCgroups } from '@rkt/cgroups';
import { Failure } from '@rkt/exit';
import type { PodManifest } from '@rkt/formats';
import { movePod, readPod, refind, releaseRanges, type Pod } from '@rkt/pods';
import { removeOwnTree } from '@rkt/rootless';
import { unmountBelow } from './unmount.ts';

/**
 * Deletes a pod, whose lock the caller holds: its last processes, mounts, cgroups, files.
 *
 * It can be cut off anywhere: the pod keeps its files until everything of it outside of its directory is gone, and what
 * is half deleted lies in phase `garbage`, whose pods are deleted whatever they hold.
 */
export async function deletePod(dir: string, pod: Pod): Promise<void> {
  const hierarchies = hierarchiesOf(manifestOf(pod));
  await killPod(pod.uuid, hierarchies);
  unmountBelow(pod.path);
  await removePodCgroups(pod.uuid, hierarchies);
  const garbage = pod.phase === 'garbage' ? pod : movePod(dir, pod, 'garbage');
  removeOwnTree(dir, garbage.path);
}

/** The manifest, unless it is damaged, or gone with the first half of the pod. */
function manifestOf(pod: Pod): PodManifest | undefined {
  try {
    return readPod(pod);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** Frees the ranges of user ids whose pods are gone. */
export function releaseUnusedRanges(dir: string): void {
  releaseRanges(dir, (uuid) => refind(dir, uuid) === undefined);
}
