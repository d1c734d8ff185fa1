// SPDX-License-Identifier: Apache-2.0
import { type PodManifest, type PodVolume } from '@rkt/formats';
import { hexOf } from '@rkt/names';
import { type Line } from '@rkt/plan';
import { comment, FD } from './host.ts';
import { attach, overlayOptions } from './layers.ts';

/** Where the pod is on the host. */
interface Place {
  /** rkt's data directory. */
  readonly dir: string;
  readonly pod: PodManifest;
}

/**
 * Mounts the volumes of the pod that are more than a directory of the host, for all apps, in a mount namespace of the pod: the host
 * does not see them, and the mounts are gone with the last process of the pod.
 *
 * The namespace goes on getting the mounts of the host, for volumes that pass them on.
 */
export function ownVolumes({ dir, pod }: Place): Line[] {
  const mounts = pod.volumes.flatMap((volume) => mountOwn({ dir, pod }, volume));
  if (mounts.length === 0) return [];
  return [
    comment('volumes in memory, and those with files of an image'),
    { op: 'unshare', flags: ['CLONE_NEWNS'] },
    { op: 'mount', source: '', target: '/', fstype: '', flags: ['MS_REC', 'MS_SLAVE'], data: '' },
    ...mounts,
  ];
}

function mountOwn(place: Place, volume: PodVolume): Line[] {
  if (volume.kind === 'tmpfs') return mountTmpfs(place, volume);
  return volume.kind === 'empty' && volume.filled !== undefined ? mountFilled(place, volume.name, volume.filled) : [];
}

function mountTmpfs(
  { dir, pod: { uuid, userNamespace } }: Place,
  { name, mode, uid, gid, sizeBytes }: Extract<PodVolume, { kind: 'tmpfs' }>,
): Line[] {
  const shift = 'first' in userNamespace ? userNamespace.first : 0;
  const data = `size=${sizeBytes},mode=${mode.toString(8).padStart(4, '0')},uid=${uid + shift},gid=${gid + shift}`;
  const target = `${dir}/pods/run/${uuid}/volumes/${name}`;
  return [{ op: 'mount', source: 'tmpfs', target, fstype: 'tmpfs', flags: ['MS_NOSUID', 'MS_NODEV'], data }];
}

/** The directories of a volume that is filled from an image, below that of the pod: its layers, what is written, and both joined. */
export function filledDirectories(name: string, layers: readonly unknown[]): string[] {
  return ['', 'data', 'data/upper', 'data/work', 'root', ...[...layers.keys()].map(String)].map(
    (directory) => `filled/${name}/${directory}`,
  );
}

type Filled = NonNullable<Extract<PodVolume, { kind: 'empty' }>['filled']>;

/**
 * A volume that has a directory of an image as its content at first: that directory of a root of its own, with all that the image
 * says of it.
 */
function mountFilled({ dir, pod }: Place, name: string, { layers, path }: Filled): Line[] {
  const home = `${dir}/pods/run/${pod.uuid}/filled/${name}`;
  const trees = layers.map((layer) => `${dir}/layers/${hexOf(layer)}/tree`);
  const flags = ['OPEN_TREE_CLONE', 'OPEN_TREE_CLOEXEC', 'AT_EMPTY_PATH'] as const;
  return [
    ...trees.flatMap((tree, index) => attach(pod, tree, { target: `${home}/${index}`, readOnly: true })),
    ...attach(pod, `${home}/data`, { target: `${home}/data`, readOnly: false }),
    ...fileIds(pod, 'first' in pod.userNamespace ? pod.userNamespace.first : 0),
    { op: 'chdir', path: home },
    {
      op: 'mount',
      source: 'overlay',
      target: 'root',
      fstype: 'overlay',
      flags: ['MS_NOSUID', 'MS_NODEV'],
      data: overlayOptions(trees.length, ''),
    },
    { op: 'open', fd: FD.root, path: 'root', flags: ['O_PATH', 'O_DIRECTORY', 'O_CLOEXEC'], mode: 0 },
    { op: 'target', fd: FD.mountpoint, rootfd: FD.root, path, kind: 'S_IFDIR' },
    { op: 'open_tree', fd: FD.layer, dirfd: FD.mountpoint, path: '', flags: [...flags] },
    { op: 'chdir', path: '/' },
    ...fileIds(pod, 0),
    {
      op: 'move_mount',
      from_fd: FD.layer,
      to_dirfd: 'AT_FDCWD',
      to_path: `${dir}/pods/run/${pod.uuid}/volumes/${name}`,
    },
    ...[FD.layer, FD.root, FD.mountpoint].map((fd): Line => ({ op: 'close', fd })),
  ];
}

/** The ids of what overlayfs makes for this process: ids of the host have no place on idmapped mounts. */
function fileIds({ userNamespace }: PodManifest, id: number): Line[] {
  if (!('first' in userNamespace)) return [];
  return [
    { op: 'setfsgid', gid: id },
    { op: 'setfsuid', uid: id },
  ];
}
