// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { type PodManifest, type RuntimeConfig, type RuntimeMount } from '@rkt/formats';
import { type Flag, type Line } from '@rkt/plan';
import { deviceNodes } from './devices.ts';
import { comment, FD } from './host.ts';
import { userNamespaceFd } from './pod-plan.ts';

const FLAGS: Readonly<Record<string, Flag<'mount'>>> = {
  ro: 'MS_RDONLY',
  nosuid: 'MS_NOSUID',
  nodev: 'MS_NODEV',
  noexec: 'MS_NOEXEC',
  noatime: 'MS_NOATIME',
  relatime: 'MS_RELATIME',
};

const ATTRIBUTES: Readonly<Record<string, Flag<'mountAttr'>>> = {
  ro: 'MOUNT_ATTR_RDONLY',
  nosuid: 'MOUNT_ATTR_NOSUID',
  nodev: 'MOUNT_ATTR_NODEV',
  noexec: 'MOUNT_ATTR_NOEXEC',
  noatime: 'MOUNT_ATTR_NOATIME',
};

/** Options that say something about the mount but are no data of the file system. */
const NOT_DATA = new Set([
  'rw',
  'bind',
  'rbind',
  'private',
  'rprivate',
  'suid',
  'dev',
  'exec',
  'idmap',
  'ridmap',
  'file',
]);

/** The source of a mount inside the app's own root, as the bundle sees it. */
const IN_ROOT = 'rootfs/';

/** The bind mounts, opened while the host's files can still be named. */
export function beforeRoot(pod: PodManifest, config: RuntimeConfig): Line[] {
  return binds(config).flatMap((mount, index) => openBind(pod, mount, bindFd(index)));
}

/** The mounts of the app in its own root: the kernel's file systems, devices, volumes, and what hides parts of them. */
export function afterRoot(pod: PodManifest, config: RuntimeConfig): Line[] {
  const attached = binds(config);
  const lines = config.mounts.flatMap((mount) =>
    isBind(mount)
      ? attachBind(mount, bindFd(attached.indexOf(mount)))
      : isImageVolume(mount)
        ? []
        : mountKernel(pod, mount),
  );
  return [
    comment('inside its root: the file systems of the kernel, devices, volumes'),
    { op: 'open', fd: FD.root, path: '/', flags: ['O_PATH', 'O_DIRECTORY', 'O_CLOEXEC'], mode: 0 },
    ...lines,
    ...workingDirectory(config),
    ...imageVolumes(config),
    comment('parts of proc and sys that the app may not see, or not write'),
    ...masks(config),
  ];
}

/** A bind mount of a file or directory of the host. */
function isBind({ source, options }: RuntimeMount): boolean {
  return (options.includes('bind') || options.includes('rbind')) && !source.startsWith(IN_ROOT);
}

/** A directory of the image that stays writable in a read-only root: bound on itself before the root becomes read-only. */
function isImageVolume({ source }: RuntimeMount): boolean {
  return source.startsWith(IN_ROOT);
}

function binds(config: RuntimeConfig): RuntimeMount[] {
  return config.mounts.filter(isBind);
}

function bindFd(index: number): number {
  const fd = FD.firstBind + index;
  if (fd <= FD.lastBind) return fd;
  throw new Failure(EXIT.usage, `cannot mount more than ${FD.lastBind - FD.firstBind + 1} volumes in one app`);
}

function openBind(pod: PodManifest, { source, options }: RuntimeMount, fd: number): Line[] {
  const recursive = options.includes('rbind');
  const mapped = options.includes('idmap') || options.includes('ridmap');
  const attributes = options.flatMap((option) => ATTRIBUTES[option] ?? []);
  return [
    {
      op: 'open_tree',
      fd,
      dirfd: 'AT_FDCWD',
      path: source,
      flags: ['OPEN_TREE_CLONE', 'OPEN_TREE_CLOEXEC', ...(recursive ? (['AT_RECURSIVE'] as const) : [])],
    },
    {
      op: 'mount_setattr',
      fd,
      flags: recursive ? ['AT_RECURSIVE'] : [],
      attr_set: mapped ? [...attributes, 'MOUNT_ATTR_IDMAP'] : attributes,
      attr_clr: [],
      propagation: ['MS_PRIVATE'],
      userns_fd: mapped ? userNamespaceFd(pod) : null,
    },
  ];
}

// The target lies in a tree that the image or another pod controls: it is resolved inside the root, never as a plain path.
function attachBind({ destination, options }: RuntimeMount, fd: number): Line[] {
  return [
    {
      op: 'target',
      fd: FD.mountpoint,
      rootfd: FD.root,
      path: destination,
      kind: options.includes('file') ? 'S_IFREG' : 'S_IFDIR',
    },
    { op: 'move_mount', from_fd: fd, to_dirfd: FD.mountpoint, to_path: '' },
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

// The content of the volume is what the image has there; writes go to the pod's own layer, which lives as long as the pod.
function imageVolumes({ root, mounts }: RuntimeConfig): Line[] {
  const volumes = mounts.filter(isImageVolume);
  const opened = volumes.flatMap(({ destination }, index): Line[] => [
    { op: 'target', fd: FD.mountpoint, rootfd: FD.root, path: destination, kind: 'S_IFDIR' },
    ...(root.readonly ? cloneOf(FD.mountpoint, bindFd(index)) : []),
  ]);
  if (!root.readonly) return opened;
  const flags: Flag<'mount'>[] = ['MS_REMOUNT', 'MS_BIND', 'MS_RDONLY', 'MS_NOSUID', 'MS_NODEV'];
  return [
    ...opened,
    { op: 'mount', source: '', target: '/', fstype: '', flags, data: '' },
    ...volumes.flatMap((volume, index) => attachBind(volume, bindFd(index))),
  ];
}

function cloneOf(from: number, fd: number): Line[] {
  return [
    { op: 'open_tree', fd, dirfd: from, path: '', flags: ['OPEN_TREE_CLONE', 'OPEN_TREE_CLOEXEC', 'AT_EMPTY_PATH'] },
  ];
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
