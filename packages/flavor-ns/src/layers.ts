// SPDX-License-Identifier: Apache-2.0
import { type PodManifest } from '@rkt/formats';
import { type Line } from '@rkt/plan';
import { FD } from './host.ts';
import { userNamespaceFd } from './pod-plan.ts';

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
