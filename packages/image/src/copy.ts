// SPDX-License-Identifier: Apache-2.0
import { lstatSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, Failure } from '@rkt/exit';
import { runStage1, writeScratch } from '@rkt/files';
import type { PodApp } from '@rkt/formats';
import { hexOf, printable } from '@rkt/names';
import { printPlan, type Flag, type Line } from '@rkt/plan';
import { readPod, type Pod } from '@rkt/pods';
import { enterUserNamespace } from '@rkt/rootless';

/** An app of a prepared pod. */
export interface PreparedApp {
  readonly pod: Pod;
  readonly app: PodApp;
}

// What cp needs to give files their owners, modes, attributes and kinds.
const COPIER: readonly Flag<'capability'>[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_MKNOD',
  'CAP_SETFCAP',
];

/** Copies the root file system of an app of a prepared pod into an empty directory. */
export function copyRootFileSystem(dir: string, from: PreparedApp, target: string): void {
  const plan = join(from.pod.path, 'copy.plan');
  writeScratch(plan, printPlan(copyPlan(dir, from, target)));
  const why = runStage1(plan);
  if (why === undefined) return setRootTime(dir, from.app, target);
  throw new Failure(EXIT.system, `cannot write "${printable(target)}": ${printable(why)}`);
}

/** The root directory of a pod is a new one; that of the image is as old as the image says. */
function setRootTime(dir: string, { image }: PodApp, target: string): void {
  const top = image.layers.at(-1);
  if (top === undefined) return;
  const { atime, mtime } = lstatSync(join(dir, 'layers', hexOf(top), 'tree'));
  utimesSync(target, atime, mtime);
}

/**
 * The plan: join the layers in a mount namespace of its own, as the pod would, and become cp.
 *
 * What a user extracts belongs to the user: so no file may keep the bits that lend its owner's rights to others.
 */
function copyPlan(dir: string, { pod, app }: PreparedApp, target: string): Line[] {
  const home = join(pod.path, 'apps', app.name);
  const { owner } = readPod(pod);
  const capabilities: readonly Flag<'capability'>[] = owner === undefined ? COPIER : ['CAP_DAC_OVERRIDE'];
  const preserve = owner === undefined ? ['-a'] : ['-dR', '--preserve=timestamps,links'];
  const count = app.image.layers.length;
  const lower = Array.from({ length: count }, (_, index) => `layers/${count - 1 - index}`).join(':');
  const binds = app.image.layers.map((layer, index): Line => {
    const source = join(dir, 'layers', hexOf(layer), 'tree');
    return { op: 'mount', source, target: `${home}/layers/${index}`, fstype: '', flags: ['MS_BIND'], data: '' };
  });
  return [
    { op: '#', text: 'copies the files of an image, joined as an app would see them' },
    ...(owner === undefined ? [] : [enterUserNamespace(owner)]),
    { op: 'unshare', flags: ['CLONE_NEWNS', 'CLONE_NEWNET', 'CLONE_NEWIPC'] },
    { op: 'mount', source: '', target: '/', fstype: '', flags: ['MS_REC', 'MS_PRIVATE'], data: '' },
    ...binds,
    { op: 'chdir', path: home },
    {
      op: 'mount',
      source: 'overlay',
      target: 'rootfs',
      fstype: 'overlay',
      flags: ['MS_RDONLY', 'MS_NOSUID', 'MS_NODEV', 'MS_NOEXEC'],
      data: `lowerdir=${lower},upperdir=data/upper,workdir=data/work,redirect_dir=nofollow,metacopy=off,index=off,xino=off${owner === undefined ? '' : ',userxattr'}`,
    },
    { op: 'umask', mode: 0 },
    { op: 'capbset', keep: capabilities },
    { op: 'capset', effective: capabilities, permitted: capabilities, inheritable: [] },
    { op: 'prctl', option: 'PR_SET_NO_NEW_PRIVS', value: 1 },
    { op: 'exec', file: '/bin/cp', argv: ['cp', ...preserve, '--', 'rootfs/.', target] },
  ];
}
