// SPDX-License-Identifier: Apache-2.0
import { type PodManifest, type PodOwner } from '@rkt/formats';
import { type IdMapping, type Line } from '@rkt/plan';

/** The maps of users and groups of one user namespace. */
export interface IdMaps {
  readonly uid: readonly IdMapping[];
  readonly gid: readonly IdMapping[];
}

/** The operation that makes a process of the owner root of its user namespace. */
export function enterUserNamespace({ uidMap, gidMap }: PodOwner): Line {
  return { op: 'unshare_user', uid_map: uidMap, gid_map: gidMap };
}

/** Ids 0 to 65535 of a pod: as many as the image format can name without surprise. */
const POD_IDS = 65_536;

/** Ids of the owner's namespace. */
interface Ids {
  readonly first: number;
  readonly count: number;
}

/** The ids that files of layers may have: all subordinate ones, or the user alone. */
function idsOfLayers({ uidMap, gidMap }: PodOwner): Ids {
  const [users, groups] = [uidMap, gidMap].map((map) => map.reduce((sum, { count }) => sum + count, 0));
  const count = Math.min(users ?? 1, groups ?? 1);
  return count > 1 ? { first: 1, count: count - 1 } : { first: 0, count: 1 };
}

/** The ids that a pod of the owner has: the first of those that files of layers may have. */
export function idsOfPods(owner: PodOwner): Ids {
  const { first, count } = idsOfLayers(owner);
  return { first, count: Math.min(count, POD_IDS) };
}

/** The maps of the namespace in which the files of layers are made: what a pod numbers 5 is 5 there. */
export function mapsOfLayers(owner: PodOwner): IdMaps {
  const ids = idsOfLayers(owner);
  return { uid: split(owner.uidMap, ids), gid: split(owner.gidMap, ids) };
}

/**
 * The maps of the namespace of a pod within that of its owner.
 *
 * Only a pod that gets files of the owner has the owner's id, behind its own: so its root has power over those files.
 */
export function mapsOfPod(owner: PodOwner, pod: Pick<PodManifest, 'volumes'>): IdMaps {
  const ids = idsOfPods(owner);
  const { first, count } = ids;
  const hasFiles = first > 0 && hasOwnersFiles(pod);
  const own: readonly IdMapping[] = hasFiles ? [{ inside: count, outside: 0, count: 1 }] : [];
  const map = (outer: readonly IdMapping[]) => [...split(outer, ids), ...own];
  return { uid: map(owner.uidMap), gid: map(owner.gidMap) };
}

/** The ids of the host that a pod has of its own, in the order of those of the pod. */
export function hostRanges(owner: PodOwner): { readonly first: number; readonly count: number }[] {
  return split(owner.uidMap, idsOfPods(owner)).map((extent) => {
    return { first: outsideOf(owner.uidMap, extent.outside) ?? 0, count: extent.count };
  });
}

/** True if a pod is given files of the host. */
export function hasOwnersFiles({ volumes }: Pick<PodManifest, 'volumes'>): boolean {
  return volumes.some(({ kind }) => kind === 'host');
}

/** The id of the host behind an id of the namespace with this map. */
export function outsideOf(map: readonly IdMapping[], id: number): number | undefined {
  const found = map.find(({ inside, count }) => id >= inside && id < inside + count);
  return found === undefined ? undefined : found.outside + id - found.inside;
}

/** The id in the namespace with this map of an id of the host. */
export function insideOf(map: readonly IdMapping[], id: number): number | undefined {
  return outsideOf(
    map.map(({ inside, outside, count }) => ({ inside: outside, outside: inside, count })),
    id,
  );
}

// The kernel takes an extent only if it lies in one extent of the namespace around it.
function split(outer: readonly IdMapping[], { first, count }: Ids): IdMapping[] {
  return outer.flatMap((extent) => {
    const from = Math.max(extent.inside, first);
    const to = Math.min(extent.inside + extent.count, first + count);
    return from < to ? [{ inside: from - first, outside: from, count: to - from }] : [];
  });
}
