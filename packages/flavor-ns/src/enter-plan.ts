// SPDX-License-Identifier: Apache-2.0
import { type PodManifest } from '@rkt/formats';
import { type Flag, type Line } from '@rkt/plan';
import { comment, FD, type Host } from './host.ts';
import { cgroupOf, type CompiledFrom, interactiveTerminal, sealed } from './pod-plan.ts';
import { restrictions } from './restrictions.ts';
import { enterWithoutRoot } from './without-root.ts';

/** What a command in a running app is compiled from. */
export interface EnterInput {
  readonly pod: PodManifest;
  readonly entered: CompiledFrom;
  readonly host: Host;
  /** The app's process, its pid on the host and in the pod, and the parent of the pod. */
  readonly process: { readonly pid: number; readonly nspid: number; readonly parent: number };
  readonly args: readonly string[];
  readonly environment: readonly string[];
  readonly interactive: boolean;
}

/** The plan of rkt-enter: into the cgroup and the namespaces of the app's process, then the restrictions of the app. */
export function enterPlan(input: EnterInput): Line[] {
  const { pod, entered, host, process, args, environment, interactive } = input;
  const { app, config } = entered;
  const user = 'first' in pod.userNamespace;
  const { openApp, joinApp } = cgroupOf(input, entered);
  const cgroup = host.hierarchies.unified === undefined ? null : FD.appCgroup;
  const joined: Flag<'namespaces'>[] = [
    'CLONE_NEWNET',
    'CLONE_NEWUTS',
    'CLONE_NEWIPC',
    'CLONE_NEWCGROUP',
    'CLONE_NEWNS',
  ];
  const lines: Line[] = [
    comment(`a command in app ${app.name} of pod ${pod.uuid}`),
    ...sealed(pod),
    { op: 'pidfd_open', fd: FD.target, pid: process.pid, nspid: process.nspid },
    ...openApp,
    ...(interactive ? interactiveTerminal() : []),
    { op: 'pipes' },
    { op: 'setns', fd: FD.target, flags: ['CLONE_NEWPID'] },
    { op: 'clone', flags: [], cgroup_fd: cgroup, status_fd: null, uid_map: [], gid_map: [] },
    ...joinApp,
    { op: 'setns', fd: FD.target, flags: joined },
    { op: 'chdir', path: '/' },
    ...restrictions({
      pod,
      app,
      config,
      landlock: host.landlock,
      userNamespaceFd: user ? FD.target : null,
      command: { args, environment, interactive },
    }),
  ];
  return enterWithoutRoot(pod, lines, process.parent);
}
