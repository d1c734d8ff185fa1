// SPDX-License-Identifier: Apache-2.0
import { type Flag, type Line } from '@rkt/plan';

/** Where a layer is being unpacked. */
export interface Workplace {
  /** The directory that becomes the layer. */
  readonly tree: string;
  /** Scratch of the overlay. */
  readonly work: string;
  /** Where the overlay of this layer on its parents is mounted. */
  readonly merged: string;
  /** The trees of the parents, the lowest first. */
  readonly parents: readonly string[];
}

const NOBODY = 65534;

const OTHER_NAMESPACES: readonly Flag<'namespaces'>[] = ['CLONE_NEWNET', 'CLONE_NEWIPC', 'CLONE_NEWUTS'];

/**
 * The plan of the process that reads a layer: decompresses it and parses its tar.
 *
 * It is nobody, without network and capabilities, and can write only to the pipe that is its standard output.
 */
export function readerPlan(program: readonly string[]): Line[] {
  const [file = ''] = program;
  return [
    { op: '#', text: 'reads a layer that a stranger made: nobody, without network and capabilities' },
    { op: 'unshare', flags: OTHER_NAMESPACES },
    { op: 'setrlimit', resource: 'RLIMIT_CORE', soft: 0n, hard: 0n },
    { op: 'setrlimit', resource: 'RLIMIT_NOFILE', soft: 64n, hard: 64n },
    { op: 'setrlimit', resource: 'RLIMIT_FSIZE', soft: 0n, hard: 0n },
    { op: 'chdir', path: '/' },
    { op: 'setgroups', gids: [] },
    { op: 'setresgid', rgid: NOBODY, egid: NOBODY, sgid: NOBODY },
    { op: 'capbset', keep: [] },
    { op: 'setresuid', ruid: NOBODY, euid: NOBODY, suid: NOBODY },
    { op: 'capset', effective: [], permitted: [], inheritable: [] },
    { op: 'prctl', option: 'PR_SET_NO_NEW_PRIVS', value: 1 },
    { op: 'exec', file, argv: program },
  ];
}

/** What the writer needs to give files their owners, modes and attributes, and to make whiteouts. */
const WRITER: readonly Flag<'capability'>[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_SETFCAP',
  'CAP_MKNOD',
];

/**
 * The plan of the process that makes the files of a layer, in a root that holds nothing but the layer on its parents.
 *
 * Removing what a parent has, and changing it, is left to overlayfs: whiteouts and copies are made by the kernel.
 */
export function writerPlan({ tree, work, merged, parents }: Workplace, program: string): Line[] {
  const lower = parents.toReversed().join(':');
  const below = parents.at(-1);
  const root: Line =
    parents.length === 0
      ? { op: 'mount', source: tree, target: merged, fstype: '', flags: ['MS_BIND'], data: '' }
      : {
          op: 'mount',
          source: 'overlay',
          target: merged,
          fstype: 'overlay',
          flags: ['MS_NOSUID', 'MS_NODEV'],
          data: `lowerdir=${lower},upperdir=${tree},workdir=${work},redirect_dir=nofollow,metacopy=off,index=off,xino=off`,
        };
  return [
    { op: '#', text: 'makes the files of a layer in a root that holds nothing else' },
    { op: 'open', fd: 3, path: program, flags: ['O_RDONLY', 'O_CLOEXEC'], mode: 0 },
    { op: 'unshare', flags: ['CLONE_NEWNS', ...OTHER_NAMESPACES] },
    { op: 'mount', source: '', target: '/', fstype: '', flags: ['MS_REC', 'MS_PRIVATE'], data: '' },
    ...(below === undefined ? [] : [{ op: 'copy_xattrs', from: below, to: tree } as const]),
    root,
    { op: 'chdir', path: merged },
    { op: 'pivot_root', new_root: '.', put_old: '.' },
    { op: 'umount2', target: '.', flags: ['MNT_DETACH'] },
    { op: 'chdir', path: '/' },
    { op: 'umask', mode: 0 },
    { op: 'setgroups', gids: [] },
    { op: 'capbset', keep: WRITER },
    { op: 'capset', effective: WRITER, permitted: WRITER, inheritable: [] },
    { op: 'prctl', option: 'PR_SET_NO_NEW_PRIVS', value: 1 },
    { op: 'fexecve', fd: 3, argv: ['unpack', 'etc/passwd', 'etc/group'] },
  ];
}
