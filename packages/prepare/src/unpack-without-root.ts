// SPDX-License-Identifier: Apache-2.0
import { lstatSync, readlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type PodOwner } from '@rkt/formats';
import { type Line } from '@rkt/plan';
import { enterUserNamespace, idsOfPods, isAlone, mapsOfLayers } from '@rkt/rootless';
import { OTHER_NAMESPACES, WRITER } from './unpack-plans.ts';
import { inheritXattrs, mountWorkplace, UNSEEN, type Workplace } from './workplace.ts';

/** The program that reads a layer: an interpreter, scripts of one directory, and their arguments. */
export interface ReaderProgram {
  readonly node: string;
  readonly scripts: readonly [string, ...string[]];
  readonly flags: readonly string[];
  readonly args: readonly string[];
}

// Where programs and their libraries lie, on Debian as on distributions that have a store of their own.
const SYSTEM: readonly string[] = ['/usr', '/lib', '/lib32', '/lib64', '/libx32', '/nix/store', '/gnu/store'];

const LIMITS: readonly Line[] = [
  { op: 'setrlimit', resource: 'RLIMIT_CORE', soft: 0n, hard: 0n },
  { op: 'setrlimit', resource: 'RLIMIT_NOFILE', soft: 64n, hard: 64n },
  { op: 'setrlimit', resource: 'RLIMIT_FSIZE', soft: 0n, hard: 0n },
];

const MOUNT = 4;
const POD = 5;

/**
 * The plan of the process that reads a layer, for a user: it sees nothing but the programs of the system, read-only.
 *
 * Its id is the last of the subordinate ones; a user who has none is alone with itself, and then the root directory and
 * the pid namespace are what keeps it from the user's files and processes.
 */
export function ownerReaderPlan(owner: PodOwner, place: string, program: ReaderProgram): Line[] {
  const { first, count } = idsOfPods(owner);
  const id = first + count - 1;
  const { node, scripts, flags, args } = program;
  const library = dirname(scripts[0]);
  return [
    { op: '#', text: 'reads a layer that a stranger made: without network, capabilities and files of its user' },
    enterUserNamespace(owner),
    { op: 'unshare', flags: ['CLONE_NEWNS', ...OTHER_NAMESPACES] },
    UNSEEN,
    ...programsAlone(place, { node, library }),
    { op: 'clone', flags: ['CLONE_NEWPID'], cgroup_fd: null, status_fd: null, uid_map: [], gid_map: [] },
    ...LIMITS,
    { op: 'keyctl', operation: 'KEYCTL_JOIN_SESSION_KEYRING', name: '' },
    ...(isAlone(owner) ? [] : [{ op: 'setgroups', gids: [] } as const]),
    { op: 'setresgid', rgid: id, egid: id, sgid: id },
    { op: 'capbset', keep: [] },
    { op: 'setresuid', ruid: id, euid: id, suid: id },
    { op: 'capset', effective: [], permitted: [], inheritable: [] },
    { op: 'prctl', option: 'PR_SET_NO_NEW_PRIVS', value: 1 },
    {
      op: 'exec',
      file: '/node',
      argv: ['/node', ...flags, ...scripts.map((script) => `/rkt/${basename(script)}`), ...args],
    },
  ];
}

/** Where a tree is made, and the ids of the pod that its root belongs to. */
export interface OwnedWorkplace {
  readonly workplace: Workplace;
  readonly root: { readonly uid: number; readonly gid: number };
}

/** The lines that mount the workplace of a user, in a mount namespace of one's own: what is made there is of the pod's root. */
export function mountOwned(owner: PodOwner, { workplace, root }: OwnedWorkplace): Line[] {
  const { first } = idsOfPods(owner);
  return [
    UNSEEN,
    { op: 'lchown', path: join(workplace.path, 'tree'), uid: first + root.uid, gid: first + root.gid },
    { op: 'setfsgid', gid: first },
    { op: 'setfsuid', uid: first },
    ...mountWorkplace(workplace, ',userxattr'),
  ];
}

/** The plan of the process that makes the files of a layer, for a user: root of a namespace like that of a pod. */
export function ownerWriterPlan(owner: PodOwner, owned: OwnedWorkplace, program: string): Line[] {
  const { uid, gid } = mapsOfLayers(owner);
  return [
    { op: '#', text: 'makes the files of a layer in a root that holds nothing else, with the ids of pods' },
    { op: 'open', fd: 3, path: program, flags: ['O_RDONLY', 'O_CLOEXEC'], mode: 0 },
    enterUserNamespace(owner),
    { op: 'namespaces', flags: ['CLONE_NEWUSER'], fd: POD, uid_map: uid, gid_map: gid },
    { op: 'unshare', flags: ['CLONE_NEWNS', ...OTHER_NAMESPACES] },
    ...inheritXattrs(owned.workplace),
    ...mountOwned(owner, owned),
    { op: 'pivot_root', new_root: '.', put_old: '.' },
    { op: 'umount2', target: '.', flags: ['MNT_DETACH'] },
    { op: 'chdir', path: '/' },
    { op: 'umask', mode: 0 },
    { op: 'setns', fd: POD, flags: ['CLONE_NEWUSER'] },
    ...(isAlone(owner) ? [] : [{ op: 'setgroups', gids: [] } as const]),
    { op: 'setresgid', rgid: 0, egid: 0, sgid: 0 },
    { op: 'setresuid', ruid: 0, euid: 0, suid: 0 },
    { op: 'capbset', keep: WRITER },
    { op: 'capset', effective: WRITER, permitted: WRITER, inheritable: [] },
    { op: 'prctl', option: 'PR_SET_NO_NEW_PRIVS', value: 1 },
    { op: 'fexecve', fd: 3, argv: ['unpack', 'etc/passwd', 'etc/group'] },
  ];
}

/** A root directory in which there is nothing but programs: those of the system, Node, and rkt's own. */
function programsAlone(place: string, { node, library }: { node: string; library: string }): Line[] {
  const flags = ['MS_NOSUID', 'MS_NODEV'] as const;
  return [
    { op: 'mount', source: 'tmpfs', target: place, fstype: 'tmpfs', flags, data: 'mode=0755,size=64k,nr_inodes=64' },
    ...SYSTEM.flatMap((path) => systemDirectory(place, path)),
    ...bind(library, `${place}/rkt`),
    { op: 'creat', path: `${place}/node`, mode: 0o755 },
    ...attach(node, `${place}/node`),
    {
      op: 'mount',
      source: '',
      target: place,
      fstype: '',
      flags: ['MS_REMOUNT', 'MS_BIND', 'MS_RDONLY', ...flags],
      data: '',
    },
    { op: 'chdir', path: place },
    { op: 'pivot_root', new_root: '.', put_old: '.' },
    { op: 'umount2', target: '.', flags: ['MNT_DETACH'] },
    { op: 'chdir', path: '/' },
  ];
}

/** Most systems have `/lib` in `/usr` today, and a link at its place. */
function systemDirectory(place: string, path: string): Line[] {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) return [];
  if (status.isSymbolicLink()) return [{ op: 'symlink', target: readlinkSync(path), path: place + path }];
  const above = dirname(path);
  return [...(above === '/' ? [] : [directory(place + above)]), ...bind(path, place + path)];
}

function bind(source: string, target: string): Line[] {
  return [directory(target), ...attach(source, target)];
}

function directory(path: string): Line {
  return { op: 'mkdir', path, mode: 0o755 };
}

// What is mounted below comes along: the kernel lets nobody in a user namespace look under it.
function attach(source: string, target: string): Line[] {
  return [
    {
      op: 'open_tree',
      fd: MOUNT,
      dirfd: 'AT_FDCWD',
      path: source,
      flags: ['OPEN_TREE_CLONE', 'OPEN_TREE_CLOEXEC', 'AT_RECURSIVE'],
    },
    {
      op: 'mount_setattr',
      fd: MOUNT,
      flags: ['AT_RECURSIVE'],
      attr_set: ['MOUNT_ATTR_RDONLY', 'MOUNT_ATTR_NOSUID', 'MOUNT_ATTR_NODEV'],
      attr_clr: [],
      propagation: ['MS_PRIVATE'],
      userns_fd: null,
    },
    { op: 'move_mount', from_fd: MOUNT, to_dirfd: 'AT_FDCWD', to_path: target },
  ];
}
