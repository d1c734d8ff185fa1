// SPDX-License-Identifier: Apache-2.0
import { chownSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, Failure } from '@rkt/exit';
import { type PodManifest, type PodOwner } from '@rkt/formats';
import { type Line } from '@rkt/plan';
import { type Pod } from '@rkt/pods';
import { executeAs, idsOfPods, insideOf, mapsOfPod } from '@rkt/rootless';

/** A directory, and the ids of the pod that it is to belong to. */
export interface OwnedDirectory {
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
}

/** The ids of a file in a tree of a layer, as a pod numbers them. */
export function idsInLayer(path: string, owner: PodOwner | undefined): { mode: number; uid: number; gid: number } {
  const { mode, uid, gid } = statSync(path);
  if (owner === undefined) return { mode, uid, gid };
  const { first } = idsOfPods(owner);
  const [user, group] = [insideOf(owner.uidMap, uid), insideOf(owner.gidMap, gid)];
  if (user !== undefined && group !== undefined) return { mode, uid: user - first, gid: group - first };
  throw new Failure(EXIT.dataRefused, `cannot use "${path}": it belongs to ${uid}:${gid}, which is no id of yours`);
}

/**
 * Gives the directories to ids of the pod.
 *
 * Without root a process in the user namespace of the owner does it, which makes a namespace of the pod as well:
 * what this machine refuses to users shows here, and not when the pod is run.
 */
export function giveDirectories(
  pod: Pod,
  { owner, volumes }: PodManifest,
  directories: readonly OwnedDirectory[],
): void {
  if (owner === undefined) {
    for (const { path, uid, gid } of directories) chownSync(path, uid, gid);
    return;
  }
  const { first, count } = idsOfPods(owner);
  const foreign = directories.flatMap(({ uid, gid }) => [uid, gid]).find((id) => id >= count);
  if (foreign !== undefined) {
    throw new Failure(EXIT.notPermitted, `cannot use id ${foreign} for a volume: the pod has ids 0 to ${count - 1}`);
  }
  const maps = mapsOfPod(owner, { volumes });
  const why = executeAs(owner, {
    text: 'gives directories to ids of the pod, and tries its user namespace',
    plan: join(pod.path, 'owners.plan'),
    lines: [
      { op: 'namespaces', flags: ['CLONE_NEWUSER'], fd: 10, uid_map: maps.uid, gid_map: maps.gid },
      ...directories.map(({ path, uid, gid }): Line => ({ op: 'lchown', path, uid: first + uid, gid: first + gid })),
    ],
  });
  if (why !== undefined) throw new Failure(EXIT.notPermitted, `cannot prepare a pod: ${why}`);
}
