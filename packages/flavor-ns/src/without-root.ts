// SPDX-License-Identifier: Apache-2.0
import { type PodManifest, type PodOwner } from '@rkt/formats';
import { type IdMapping, type Line, type OpOf } from '@rkt/plan';
import { enterUserNamespace, isAlone, mapsOfPod, outsideOf, type IdMaps } from '@rkt/rootless';
import { comment } from './host.ts';

/** The root directory of the host, while the root file system of an app is made. */
const HOST = 15;
/** The parent of the pod, by which its owner's namespace is joined. */
const PARENT = 14;
const MOUNT = 18;

/**
 * The plan of a pod, or of an app, that is not root's: the lines for root, with those changed that the kernel takes from
 * root of the host alone.
 *
 * So whatever protects a pod of root protects this one: there is one place that says what a pod is.
 */
export function withoutRoot(pod: PodManifest, lines: readonly Line[]): Line[] {
  const { owner } = pod;
  if (owner === undefined) return [...lines];
  const maps = mapsOfPod(owner, pod);
  return keepHost(lines.flatMap((line) => translate(line, { owner, maps, network: pod.network })));
}

/** The plan of a pod: its first process, and with it all others, lives in the user namespace of its owner. */
export function podWithoutRoot(pod: PodManifest, lines: readonly Line[]): Line[] {
  const { owner } = pod;
  if (owner === undefined) return [...lines];
  const [title, ...rest] = withoutRoot(pod, lines);
  return [
    ...(title === undefined ? [] : [title]),
    comment(`without root: from here on in a user namespace in which uid ${owner.uid} is root`),
    enterUserNamespace(owner),
    ...rest,
  ];
}

/** The plan of rkt-enter: into the user namespace of the pod's owner first, which the parent of the pod lives in. */
export function enterWithoutRoot(pod: PodManifest, lines: readonly Line[], parent: number): Line[] {
  if (pod.owner === undefined) return [...lines];
  const [title, ...rest] = withoutRoot(pod, lines);
  return [
    ...(title === undefined ? [] : [title]),
    comment('without root: into the user namespace in which the owner of the pod is root'),
    { op: 'pidfd_open', fd: PARENT, pid: parent, nspid: parent },
    { op: 'setns', fd: PARENT, flags: ['CLONE_NEWUSER'] },
    ...rest,
  ];
}

interface Circumstances {
  readonly owner: PodOwner;
  readonly maps: IdMaps;
  readonly network: PodManifest['network'];
}

function translate(line: Line, { owner, maps, network }: Circumstances): Line[] {
  if (line.op === 'namespaces' && line.flags.includes('CLONE_NEWUSER')) {
    return [{ ...line, uid_map: maps.uid, gid_map: maps.gid }];
  }
  // The files have the ids of the pod already; nobody but root of the host may map those of a file system.
  if (line.op === 'mount_setattr') {
    return [{ ...line, attr_set: line.attr_set.filter((flag) => flag !== 'MOUNT_ATTR_IDMAP'), userns_fd: null }];
  }
  // What overlayfs remembers in trusted attributes, it may only remember in those of the user.
  if (line.op === 'mount' && line.fstype === 'overlay') return [{ ...line, data: `${line.data},userxattr` }];
  if (line.op === 'pivot_root') {
    return [{ op: 'open', fd: HOST, path: '/', flags: ['O_PATH', 'O_DIRECTORY', 'O_CLOEXEC'], mode: 0 }, line];
  }
  // The network of the host is where the process is already, and nobody but root of the host may join it.
  if (line.op === 'setns' && network === 'host') {
    return [{ ...line, flags: line.flags.filter((flag) => flag !== 'CLONE_NEWNET') }];
  }
  if (line.op === 'mknod' && line.type !== 'S_IFIFO') return bindNode(line.path, line.mode);
  if (line.op === 'write') return write(line, maps.gid, owner);
  // Who maps nothing but the own group may not give up others: the kernel keeps them.
  return line.op === 'setgroups' && isAlone(owner) ? [] : [line];
}

/**
 * A device of the host in place of a node, which nobody but root of the host can make.
 *
 * What is read-only there is not the device but its file: the host's node keeps its times and attributes.
 */
function bindNode(path: string, mode: number): Line[] {
  return [
    {
      op: 'open_tree',
      fd: MOUNT,
      dirfd: HOST,
      path: path.slice(1),
      flags: ['OPEN_TREE_CLONE', 'OPEN_TREE_CLOEXEC'],
    },
    {
      op: 'mount_setattr',
      fd: MOUNT,
      flags: [],
      attr_set: ['MOUNT_ATTR_RDONLY', 'MOUNT_ATTR_NOSUID', 'MOUNT_ATTR_NOEXEC'],
      attr_clr: [],
      propagation: ['MS_PRIVATE'],
      userns_fd: null,
    },
    { op: 'creat', path, mode },
    { op: 'move_mount', from_fd: MOUNT, to_dirfd: 'AT_FDCWD', to_path: path },
  ];
}

function write(line: OpOf<'write'>, pod: readonly IdMapping[], owner: PodOwner): Line[] {
  // The kernel compares the ids of the host: the pod's groups need not come in that order there.
  if (line.path === '/proc/sys/net/ipv4/ping_group_range') return [{ ...line, text: groupRange(pod, owner) }];
  // A process that is not dumpable has files in proc that are root's of the host.
  if (line.path.startsWith('/proc/self/')) return [dumpable(1), line, dumpable(0)];
  return [line];
}

function dumpable(value: number): Line {
  return { op: 'prctl', option: 'PR_SET_DUMPABLE', value };
}

function groupRange(pod: readonly IdMapping[], { gidMap }: PodOwner): string {
  const ids = pod.flatMap(({ outside, count }) => [outside, outside + count - 1]);
  const onHost = (id: number) => outsideOf(gidMap, id) ?? 0;
  const sorted = ids.toSorted((one, other) => onHost(one) - onHost(other));
  return `${sorted[0] ?? 0} ${sorted.at(-1) ?? 0}`;
}

/**
 * Lets the host's mounts go later: without root, proc and sys can be mounted only where those of the host can be seen,
 * and devices only be taken from there.
 */
function keepHost(lines: readonly Line[]): Line[] {
  const away = lines.findIndex((line) => line.op === 'umount2' && line.target === '.');
  const [line] = away < 0 ? [] : lines.slice(away, away + 1);
  if (line === undefined) return [...lines];
  const last = lines.findLastIndex(needsHost);
  const at = Math.max(away, last) + 1;
  const close: Line = { op: 'close', fd: HOST };
  return [...lines.slice(0, away), ...lines.slice(away + 1, at), line, close, ...lines.slice(at)];
}

function needsHost(line: Line): boolean {
  return (
    (line.op === 'mount' && (line.fstype === 'proc' || line.fstype === 'sysfs')) ||
    (line.op === 'move_mount' && line.to_path.startsWith('/dev/'))
  );
}
