// SPDX-License-Identifier: Apache-2.0
import { removeTree } from '@rkt/files';
import { killPod, removePodCgroups } from '@rkt/cgroups';
import { movePod, refind, releaseRanges, type Pod } from '@rkt/pods';
import { unmountBelow } from './unmount.ts';

/**
 * Deletes a pod, whose lock the caller holds: its last processes, mounts, cgroups, files.
 *
 * It can be cut off anywhere: the pod keeps its files until everything of it outside of its directory is gone, and what
 * is half deleted lies in phase `garbage`, whose pods are deleted whatever they hold.
 */
export async function deletePod(dir: string, pod: Pod): Promise<void> {
  await killPod(pod.uuid);
  unmountBelow(pod.path);
  await removePodCgroups(pod.uuid);
  const garbage = pod.phase === 'garbage' ? pod : movePod(dir, pod, 'garbage');
  removeTree(garbage.path);
}

/** Frees the ranges of user ids whose pods are gone. */
export function releaseUnusedRanges(dir: string): void {
  releaseRanges(dir, (uuid) => refind(dir, uuid) === undefined);
}
