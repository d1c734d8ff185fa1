// SPDX-License-Identifier: Apache-2.0
import { type Flag, type Line } from '@rkt/plan';
import { inheritXattrs, mountWorkplace, UNSEEN, type Workplace } from './workplace.ts';

const NOBODY = 65534;

/** The namespaces of both processes but for users and mounts. */
export const OTHER_NAMESPACES: readonly Flag<'namespaces'>[] = ['CLONE_NEWNET', 'CLONE_NEWIPC', 'CLONE_NEWUTS'];

/**
 * The plan of a process that reads what strangers made, such as the tar of a layer.
 *
 * It is nobody, without network and capabilities, and can write only to the pipe that is its standard output.
 */
export function readerPlan(program: readonly string[], what = 'reads a layer that a stranger made'): Line[] {
  const [file = ''] = program;
  return [
    { op: '#', text: `${what}: nobody, without network and capabilities` },
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
export const WRITER: readonly Flag<'capability'>[] = [
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
export function writerPlan(workplace: Workplace, program: string): Line[] {
  return [
    { op: '#', text: 'makes the files of a layer in a root that holds nothing else' },
    { op: 'open', fd: 3, path: program, flags: ['O_RDONLY', 'O_CLOEXEC'], mode: 0 },
    { op: 'unshare', flags: ['CLONE_NEWNS', ...OTHER_NAMESPACES] },
    UNSEEN,
    ...inheritXattrs(workplace),
    ...mountWorkplace(workplace),
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
