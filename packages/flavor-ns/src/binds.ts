// SPDX-License-Identifier: Apache-2.0
import { relative } from 'node:path';
import { EXIT, Failure } from '@rkt/exit';
import { type PodManifest, type RuntimeMount } from '@rkt/formats';
import { type Flag, type Line } from '@rkt/plan';
import { FD, userNamespaceFd } from './host.ts';

const ATTRIBUTES: Readonly<Record<string, Flag<'mountAttr'>>> = {
  ro: 'MOUNT_ATTR_RDONLY',
  rro: 'MOUNT_ATTR_RDONLY',
  nosuid: 'MOUNT_ATTR_NOSUID',
  nodev: 'MOUNT_ATTR_NODEV',
  noexec: 'MOUNT_ATTR_NOEXEC',
  noatime: 'MOUNT_ATTR_NOATIME',
};

/** The source of a mount inside the app's own root, as the bundle sees it. */
const IN_ROOT = 'rootfs/';

/** A file or directory of the host that is bound into the root of an app, and the descriptor by which its plan holds it. */
interface Bind {
  readonly mount: RuntimeMount;
  readonly fd: number;
  /** It is opened before the root is made, and keeps its descriptor. */
  readonly isEarly: boolean;
}

/** A bind mount of a file or directory of the host. */
function isBind({ source, options }: RuntimeMount): boolean {
  return (options.includes('bind') || options.includes('rbind')) && !source.startsWith(IN_ROOT);
}

/** A directory of the image that stays writable in a read-only root: bound on itself. */
export function isImageVolume({ source }: RuntimeMount): boolean {
  return source.startsWith(IN_ROOT);
}

/** Below what the kernel shows: there is nothing of an image or a volume there, whatever these say. */
export function isBelowKernel({ destination }: RuntimeMount): boolean {
  return /^\/(proc|sys|dev)(\/|$)/.test(destination);
}

/**
 * The binds of an app, in the order in which they are mounted.
 *
 * Some are opened before the root is made, and keep descriptors of their own: those that are attached when the host's files cannot
 * be named any more, those that are copied while its mounts are still those of the host, and, as far as there are descriptors,
 * those that come with all that is mounted below, which is not to be what rkt mounts for the root. The others are attached
 * when they are opened, one after the other.
 */
export function bindsOf(mounts: readonly RuntimeMount[]): Bind[] {
  const binds = mounts.filter(isBind);
  const must = binds.filter((mount) => isBelowKernel(mount) || isPropagated(mount));
  const recursive = binds.filter((mount) => !must.includes(mount) && mount.options.includes('rbind'));
  const most = FD.lastBind - FD.firstBind;
  if (must.length > most)
    throw new Failure(EXIT.usage, `cannot mount more than ${most} devices and volumes with propagation in one app`);
  const early = [...must, ...recursive].slice(0, most);
  return binds.map((mount) => {
    const index = early.indexOf(mount);
    return { mount, fd: FD.firstBind + 1 + index, isEarly: index >= 0 };
  });
}

/** True for a mount that gets what the host mounts there later. */
export function isPropagated({ options }: RuntimeMount): boolean {
  return propagationOf(options) !== 'MS_PRIVATE';
}

function propagationOf(options: readonly string[]): Flag<'propagation'> {
  if (options.includes('rslave')) return 'MS_SLAVE';
  return options.includes('rshared') ? 'MS_SHARED' : 'MS_PRIVATE';
}

/** Opens a detached copy of the mount, with its attributes and the ids of the pod. */
export function openBind(pod: PodManifest, { mount: { options, ...mount }, fd }: Bind): Line[] {
  const recursive = options.includes('rbind');
  const mapped = options.includes('idmap') || options.includes('ridmap');
  const isShallow = recursive && options.includes('ro');
  const attributes = options.flatMap((option) => (isShallow && option === 'ro' ? [] : (ATTRIBUTES[option] ?? [])));
  const propagation = propagationOf(options);
  return [
    ...openSource({ options, ...mount }, fd),
    {
      op: 'mount_setattr',
      fd,
      flags: recursive ? ['AT_RECURSIVE'] : [],
      attr_set: mapped ? [...attributes, 'MOUNT_ATTR_IDMAP'] : attributes,
      attr_clr: [],
      // A copy of what is shared is in the group of the host already.
      propagation: propagation === 'MS_SHARED' ? [] : [propagation],
      userns_fd: mapped ? userNamespaceFd(pod) : null,
    },
    ...(isShallow ? [readOnly(fd)] : []),
  ];
}

/** Without `rro`, what is mounted below stays as it is. */
function readOnly(fd: number): Line {
  return {
    op: 'mount_setattr',
    fd,
    flags: [],
    attr_set: ['MOUNT_ATTR_RDONLY'],
    attr_clr: [],
    propagation: [],
    userns_fd: null,
  };
}

// A part of a volume is looked up inside the volume: a link that an app left there leads to nothing of the host.
function openSource({ source, within, options }: RuntimeMount, fd: number): Line[] {
  const flags: Flag<'openTree'>[] = ['OPEN_TREE_CLONE', 'OPEN_TREE_CLOEXEC'];
  if (options.includes('rbind')) flags.push('AT_RECURSIVE');
  if (within === undefined) return [{ op: 'open_tree', fd, dirfd: 'AT_FDCWD', path: source, flags }];
  return [
    { op: 'open', fd, path: within, flags: ['O_PATH', 'O_DIRECTORY', 'O_CLOEXEC'], mode: 0 },
    {
      op: 'openat2',
      fd,
      dirfd: fd,
      path: relative(within, source),
      flags: ['O_PATH', 'O_CLOEXEC'],
      resolve: ['RESOLVE_IN_ROOT', 'RESOLVE_NO_MAGICLINKS'],
    },
    { op: 'open_tree', fd, dirfd: fd, path: '', flags: [...flags, 'AT_EMPTY_PATH'] },
  ];
}

/**
 * Attaches the mount. The target lies in a tree that the image or another pod controls: it is resolved inside the root, never as
 * a plain path.
 */
export function attachBind({ mount: { destination, options }, fd }: Bind): Line[] {
  const kind = options.includes('file') ? 'S_IFREG' : 'S_IFDIR';
  return [
    { op: 'target', fd: FD.mountpoint, rootfd: FD.root, path: destination, kind },
    { op: 'move_mount', from_fd: fd, to_dirfd: FD.mountpoint, to_path: '' },
  ];
}
