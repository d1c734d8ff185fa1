// SPDX-License-Identifier: Apache-2.0
import { OTHER_NAMESPACES } from '@rkt/nobody';
import { type Flag, type Line } from '@rkt/plan';
import { inheritXattrs, mountWorkplace, UNSEEN, type Workplace } from './workplace.ts';

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
