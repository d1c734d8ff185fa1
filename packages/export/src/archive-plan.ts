// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import type { PodApp, PodManifest } from '@rkt/formats';
import { hexOf } from '@rkt/names';
import type { Flag, Line } from '@rkt/plan';
import { enterUserNamespace, isAlone, mapsOfPod } from '@rkt/rootless';

/** What is put into an archive. */
export interface Archived {
  /** rkt's data directory. */
  readonly dir: string;
  readonly podPath: string;
  readonly manifest: PodManifest;
  readonly app: PodApp;
  /** A directory in that of the app, with a directory `rootfs` to mount on. */
  readonly place: string;
  /** What of the place goes in: `.` for the files of the app alone. */
  readonly names: readonly string[];
}

const READER: readonly Flag<'capability'>[] = ['CAP_DAC_READ_SEARCH'];
const ALL_MOUNTS = 4;
const POD = 5;

/**
 * The plan: joins the layers and what the app wrote in a mount namespace, makes all there is read-only, keeps the right to read,
 * and becomes tar, which writes to its standard output.
 *
 * What the app wrote is the topmost layer that is only read: so nothing of it changes, and no link in it is followed by anybody.
 * The files have the ids of the pod already; without root, whoever reads them is root of the namespace in which they do.
 */
export function archivePlan(archived: Archived): Line[] {
  const { manifest, app, place } = archived;
  const { owner } = manifest;
  const home = join(archived.podPath, 'apps', app.name);
  const binds = app.image.layers.map((layer, index): Line => {
    const source = join(archived.dir, 'layers', hexOf(layer), 'tree');
    return { op: 'mount', source, target: `${home}/layers/${index}`, fstype: '', flags: ['MS_BIND'], data: '' };
  });
  return [
    { op: '#', text: `reads the files of app ${app.name} of pod ${manifest.uuid}` },
    ...(owner === undefined ? [] : ownNamespaces(archived)),
    { op: 'unshare', flags: ['CLONE_NEWNS', 'CLONE_NEWNET', 'CLONE_NEWIPC', 'CLONE_NEWUTS'] },
    { op: 'mount', source: '', target: '/', fstype: '', flags: ['MS_REC', 'MS_PRIVATE'], data: '' },
    ...binds,
    { op: 'chdir', path: place },
    overlay(archived),
    ...readOnlyEverywhere(),
    { op: 'chdir', path: archived.names.includes('.') ? `${place}/rootfs` : place },
    ...restrictions(archived),
    { op: 'setenv', name: 'LC_ALL', value: 'C' },
    { op: 'exec', file: '/bin/tar', argv: tarWords(archived.names) },
  ];
}

function ownNamespaces({ manifest }: Archived): Line[] {
  const { owner } = manifest;
  if (owner === undefined) return [];
  const { uid, gid } = mapsOfPod(owner, manifest);
  return [
    enterUserNamespace(owner),
    { op: 'namespaces', flags: ['CLONE_NEWUSER'], fd: POD, uid_map: uid, gid_map: gid },
  ];
}

// The paths are relative, which keeps 127 layers below the page that mount(2) takes.
function overlay({ app, manifest }: Archived): Line {
  const count = app.image.layers.length;
  const layers = Array.from({ length: count }, (_, index) => `../layers/${count - 1 - index}`);
  // A file system of two layers or more needs no upper one; of an image without layers there is what the app wrote.
  const lower = ['../data/upper', ...layers];
  const flags = ['MS_RDONLY', 'MS_NOSUID', 'MS_NODEV', 'MS_NOEXEC'] as const;
  if (count === 0)
    return { op: 'mount', source: '../data/upper', target: 'rootfs', fstype: '', flags: ['MS_BIND'], data: '' };
  const own = manifest.owner === undefined ? '' : ',userxattr';
  const data = `lowerdir=${lower.join(':')},redirect_dir=nofollow,metacopy=off,index=off,xino=off${own}`;
  return { op: 'mount', source: 'overlay', target: 'rootfs', fstype: 'overlay', flags, data };
}

/** Root is the owner of the files of the host, and needs no capability to change those: so no mount can be written to. */
function readOnlyEverywhere(): Line[] {
  return [
    { op: 'open_tree', fd: ALL_MOUNTS, dirfd: 'AT_FDCWD', path: '/', flags: ['OPEN_TREE_CLOEXEC'] },
    {
      op: 'mount_setattr',
      fd: ALL_MOUNTS,
      flags: ['AT_RECURSIVE'],
      attr_set: ['MOUNT_ATTR_RDONLY'],
      attr_clr: [],
      propagation: [],
      userns_fd: null,
    },
    { op: 'close', fd: ALL_MOUNTS },
  ];
}

function restrictions({ manifest: { owner } }: Archived): Line[] {
  const joined: Line[] =
    owner === undefined
      ? []
      : [
          { op: 'setns', fd: POD, flags: ['CLONE_NEWUSER'] },
          ...(isAlone(owner) ? [] : [{ op: 'setgroups', gids: [] } as const]),
          { op: 'setresgid', rgid: 0, egid: 0, sgid: 0 },
          { op: 'setresuid', ruid: 0, euid: 0, suid: 0 },
        ];
  return [
    ...joined,
    { op: 'setrlimit', resource: 'RLIMIT_CORE', soft: 0n, hard: 0n },
    { op: 'setrlimit', resource: 'RLIMIT_FSIZE', soft: 0n, hard: 0n },
    { op: 'capbset', keep: READER },
    { op: 'capset', effective: READER, permitted: READER, inheritable: [] },
    { op: 'prctl', option: 'PR_SET_NO_NEW_PRIVS', value: 1 },
  ];
}

/** The same files make the same archive: in the order of their names, and without the times of reading them. */
function tarWords(names: readonly string[]): string[] {
  return [
    'tar',
    '--create',
    '--format=pax',
    '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime',
    '--sort=name',
    '--numeric-owner',
    '--xattrs',
    '--xattrs-include=security.capability',
    '--xattrs-include=user.*',
    '--file=-',
    '--',
    ...names,
  ];
}
