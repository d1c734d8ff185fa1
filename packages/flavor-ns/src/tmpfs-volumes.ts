// SPDX-License-Identifier: Apache-2.0
import { type PodManifest } from '@rkt/formats';
import { type Line } from '@rkt/plan';
import { comment } from './host.ts';

/**
 * Mounts the volumes in memory, for all apps, in a mount namespace of the pod: the host does not see them, and they are gone with
 * the last process of the pod.
 *
 * The namespace goes on getting the mounts of the host, for volumes that pass them on.
 */
export function tmpfsVolumes({ volumes, userNamespace }: PodManifest, podPath: string): Line[] {
  const shift = 'first' in userNamespace ? userNamespace.first : 0;
  const mounts = volumes.flatMap((volume): Line[] => {
    if (volume.kind !== 'tmpfs') return [];
    const { name, mode, uid, gid, sizeBytes } = volume;
    const data = `size=${sizeBytes},mode=${mode.toString(8).padStart(4, '0')},uid=${uid + shift},gid=${gid + shift}`;
    const target = `${podPath}/volumes/${name}`;
    return [{ op: 'mount', source: 'tmpfs', target, fstype: 'tmpfs', flags: ['MS_NOSUID', 'MS_NODEV'], data }];
  });
  if (mounts.length === 0) return [];
  return [
    comment('volumes in memory'),
    { op: 'unshare', flags: ['CLONE_NEWNS'] },
    { op: 'mount', source: '', target: '/', fstype: '', flags: ['MS_REC', 'MS_SLAVE'], data: '' },
    ...mounts,
  ];
}
