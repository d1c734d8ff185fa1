// SPDX-License-Identifier: Apache-2.0
import { type PodManifest, type RuntimeConfig, type RuntimeMount } from '@rkt/formats';
import { type Flag, type Line } from '@rkt/plan';
import { attachBind, bindsOf, isBelowKernel, isImageVolume, isPropagated, openBind } from './binds.ts';
import { deviceNodes, givenDevices } from './devices.ts';
import { comment, FD } from './host.ts';

const FLAGS: Readonly<Record<string, Flag<'mount'>>> = {
  ro: 'MS_RDONLY',
  nosuid: 'MS_NOSUID',
  nodev: 'MS_NODEV',
  noexec: 'MS_NOEXEC',
  noatime: 'MS_NOATIME',
  relatime: 'MS_RELATIME',
};

/** Options that say something about the mount but are no data of the file system. */
const NOT_DATA = new Set([
  'rw',
  'rro',
  'bind',
  'rbind',
  'private',
  'rprivate',
  'rslave',
  'rshared',
  'suid',
  'dev',
  'exec',
  'idmap',
  'ridmap',
  'file',
]);

/**
 * What comes from the host and cannot be opened later, in a mount namespace that is from here on the app's own.
 *
 * What is to get later mounts of the host is copied while its mounts are still those of the host.
 */
export function beforeRoot(pod: PodManifest, config: RuntimeConfig): Line[] {
  const early = bindsOf(config.mounts).filter(({ isEarly }) => isEarly);
  const open = (propagated: boolean) =>
    early.filter(({ mount }) => isPropagated(mount) === propagated).flatMap((bind) => openBind(pod, bind));
  const others = open(false);
  return [
    ...open(true),
    { op: 'mount', source: '', target: '/', fstype: '', flags: ['MS_REC', 'MS_PRIVATE'], data: '' },
    ...(others.length === 0
      ? []
      : [comment('what comes from the host is opened before the root is entered'), ...others]),
  ];
}

/**
 * The mounts in the tree of the app, in their order, while the working directory is its root, which is not entered yet.
 *
 * They come before the file systems of the kernel: wherever a link of an image or a volume leads one of them, it covers none
 * of those.
 */
export function onRoot(pod: PodManifest, config: RuntimeConfig): Line[] {
  const binds = bindsOf(config.mounts);
  const mounts = config.mounts.filter((mount) => !isBelowKernel(mount));
  const lines = mounts.flatMap((mount) => {
    if (isImageVolume(mount)) return imageVolume(mount, config.root.readonly);
    const bind = binds.find((each) => each.mount === mount);
    if (bind === undefined) return scratch(mount);
    return [...(bind.isEarly ? [] : openBind(pod, bind)), ...attachBind(bind)];
  });
  if (lines.length === 0) return [];
  return [
    comment('in its root: volumes'),
    { op: 'open', fd: FD.root, path: '.', flags: ['O_PATH', 'O_DIRECTORY', 'O_CLOEXEC'], mode: 0 },
    ...lines,
  ];
}

/** The mounts of the app that need its root: the kernel's file systems, devices, and what hides parts of them. */
export function afterRoot(pod: PodManifest, config: RuntimeConfig): Line[] {
  const binds = bindsOf(config.mounts);
  const lines = config.mounts.filter(isBelowKernel).flatMap((mount) => {
    const bind = binds.find((each) => each.mount === mount);
    if (bind !== undefined) return attachBind(bind);
    const own = mount.destination === '/dev' ? givenDevices(pod, config.linux.devices) : [];
    return [...mountKernel(pod, mount), ...own];
  });
  return [
    comment('inside its root: the file systems of the kernel, devices'),
    { op: 'open', fd: FD.root, path: '/', flags: ['O_PATH', 'O_DIRECTORY', 'O_CLOEXEC'], mode: 0 },
    ...lines,
    ...workingDirectory(config),
    ...(config.root.readonly ? [readOnlyRoot] : []),
    comment('parts of proc and sys that the app may not see, or not write'),
    ...masks(config),
  ];
}

// What is mounted in the root stays as it is.
const readOnlyRoot: Line = {
  op: 'mount',
  source: '',
  target: '/',
  fstype: '',
  flags: ['MS_REMOUNT', 'MS_BIND', 'MS_RDONLY', 'MS_NOSUID', 'MS_NODEV'],
  data: '',
};

/** A file system in memory at a place of the image, whose path is not followed out of it. */
function scratch({ destination, type, options }: RuntimeMount): Line[] {
  const data = options.flatMap((option) => /^(mode|size|nr_inodes)=(.*)$/.exec(option)?.slice(1, 3) ?? []);
  const pairs = data.flatMap((key, index) => (index % 2 === 0 ? [{ key, value: data[index + 1] ?? '' }] : []));
  return [
    { op: 'target', fd: FD.mountpoint, rootfd: FD.root, path: destination, kind: 'S_IFDIR' },
    { op: 'fsopen', fd: FD.layer, fstype: type },
    ...pairs.map(({ key, value }): Line => ({
      op: 'fsconfig',
      fd: FD.layer,
      command: 'FSCONFIG_SET_STRING',
      key,
      value,
    })),
    { op: 'fsconfig', fd: FD.layer, command: 'FSCONFIG_CMD_CREATE', key: '', value: '' },
    {
      op: 'fsmount',
      fd: FD.layer,
      fsfd: FD.layer,
      flags: ['FSMOUNT_CLOEXEC'],
      attributes: ['MOUNT_ATTR_NOSUID', 'MOUNT_ATTR_NODEV'],
    },
    { op: 'move_mount', from_fd: FD.layer, to_dirfd: FD.mountpoint, to_path: '' },
  ];
}

// The content of the volume is what the image has there; writes go to the pod's own layer, which lives as long as the pod.
function imageVolume({ destination }: RuntimeMount, isRootReadOnly: boolean): Line[] {
  const target: Line = { op: 'target', fd: FD.mountpoint, rootfd: FD.root, path: destination, kind: 'S_IFDIR' };
  if (!isRootReadOnly) return [target];
  const flags: Flag<'openTree'>[] = ['OPEN_TREE_CLONE', 'OPEN_TREE_CLOEXEC', 'AT_EMPTY_PATH'];
  return [
    target,
    { op: 'open_tree', fd: FD.layer, dirfd: FD.mountpoint, path: '', flags },
    { op: 'move_mount', from_fd: FD.layer, to_dirfd: FD.mountpoint, to_path: '' },
  ];
}

function mountKernel(pod: PodManifest, { destination, type, source, options }: RuntimeMount): Line[] {
  const lines: Line[] = [
    { op: 'mkdir', path: destination, mode: 0o755 },
    {
      op: 'mount',
      source,
      target: destination,
      fstype: type,
      flags: options.flatMap((option) => FLAGS[option] ?? []),
      data: dataOf(pod, options),
    },
  ];
  return destination === '/dev' ? [...lines, ...deviceNodes()] : lines;
}

// Group ids in options are read in the user namespace of whoever mounts, which is the host's: gid=5 of the pod is another number there.
function dataOf({ userNamespace }: PodManifest, options: readonly string[]): string {
  const shift = 'first' in userNamespace ? userNamespace.first : 0;
  return options
    .filter((option) => !(option in FLAGS) && !NOT_DATA.has(option))
    .map((option) => option.replace(/^([ug]id)=(\d+)$/, (_, key: string, id: string) => `${key}=${Number(id) + shift}`))
    .join(',');
}

function workingDirectory({ process: { cwd } }: RuntimeConfig): Line[] {
  return cwd === '/' ? [] : [{ op: 'target', fd: FD.mountpoint, rootfd: FD.root, path: cwd, kind: 'S_IFDIR' }];
}

function masks({ linux: { maskedPaths, readonlyPaths } }: RuntimeConfig): Line[] {
  const directories = maskedPaths.filter((path) => path.endsWith('/')).map((path) => path.slice(0, -1));
  const files = maskedPaths.filter((path) => !path.endsWith('/'));
  return [
    ...directories.map((path, index) => maskDirectory(path, directories[0] ?? path, index === 0)),
    ...files.map((path): Line => ({
      op: 'mount',
      source: '/dev/null',
      target: path,
      fstype: '',
      flags: ['MS_BIND'],
      data: '',
    })),
    ...readonlyPaths.flatMap(makeReadOnly),
  ];
}

// One empty read-only file system hides all of them.
function maskDirectory(target: string, empty: string, first: boolean): Line {
  if (!first) return { op: 'mount', source: empty, target, fstype: '', flags: ['MS_BIND'], data: '' };
  const flags: Flag<'mount'>[] = ['MS_RDONLY', 'MS_NOSUID', 'MS_NODEV', 'MS_NOEXEC'];
  return { op: 'mount', source: 'tmpfs', target, fstype: 'tmpfs', flags, data: 'nr_inodes=2,mode=0555' };
}

function makeReadOnly(path: string): Line[] {
  const flags: Flag<'mount'>[] = ['MS_REMOUNT', 'MS_BIND', 'MS_RDONLY', 'MS_NOSUID', 'MS_NODEV', 'MS_NOEXEC'];
  return [
    { op: 'mount', source: path, target: path, fstype: '', flags: ['MS_BIND', 'MS_REC'], data: '' },
    { op: 'mount', source: '', target: path, fstype: '', flags, data: '' },
  ];
}
