// SPDX-License-Identifier: Apache-2.0
import { type PodManifest } from '@rkt/formats';
import { type Line } from '@rkt/plan';
import { FD, userNamespaceFd } from './host.ts';

interface Attach {
  readonly target: string;
  readonly readOnly: boolean;
}

/** Mounts a tree of a layer, or what an app writes, with the ids of the pod. */
export function attach(pod: PodManifest, source: string, { target, readOnly }: Attach): Line[] {
  return [
    { op: 'open_tree', fd: FD.layer, dirfd: 'AT_FDCWD', path: source, flags: ['OPEN_TREE_CLONE', 'OPEN_TREE_CLOEXEC'] },
    {
      op: 'mount_setattr',
      fd: FD.layer,
      flags: [],
      attr_set: [
        ...(readOnly ? (['MOUNT_ATTR_RDONLY'] as const) : []),
        'MOUNT_ATTR_NOSUID',
        'MOUNT_ATTR_NODEV',
        ...(userNamespaceFd(pod) === null ? [] : (['MOUNT_ATTR_IDMAP'] as const)),
      ],
      attr_clr: [],
      propagation: ['MS_PRIVATE'],
      userns_fd: userNamespaceFd(pod),
    },
    { op: 'move_mount', from_fd: FD.layer, to_dirfd: 'AT_FDCWD', to_path: target },
  ];
}

/**
 * The options of an overlay of so many layers, whose directories have this prefix and a number, the lowest 0, and of `data`.
 *
 * Redirects and metadata-only copies are never made by us; an image that smuggles such attributes in must not have them followed.
 * A pod runs once: at its end nobody waits until the disk has all that it wrote (volatile).
 */
export function overlayOptions(layers: number, prefix: string): string {
  const lower = Array.from({ length: layers }, (_, index) => `${prefix}${layers - 1 - index}`).join(':');
  return `lowerdir=${lower},upperdir=data/upper,workdir=data/work,redirect_dir=nofollow,metacopy=off,index=off,xino=off,volatile`;
}
