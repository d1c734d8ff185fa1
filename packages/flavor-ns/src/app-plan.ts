// SPDX-License-Identifier: Apache-2.0
import { cgroupOps } from '@rkt/cgroups';
import { type PodManifest } from '@rkt/formats';
import { type Line } from '@rkt/plan';
import { comment, FD, userNamespaceFd } from './host.ts';
import { afterRoot, beforeRoot } from './mounts.ts';
import { type CompiledFrom, type PodInput } from './pod-plan.ts';
import { restrictions } from './restrictions.ts';
import { rootFileSystem } from './root.ts';
import { withoutRoot } from './without-root.ts';

/** The plan of one app: its cgroup, its root file system, its restrictions, its program. */
export function appPlan(input: PodInput, { app, config }: CompiledFrom): Line[] {
  const { pod, host } = input;
  return withoutRoot(pod, [
    comment(`app ${app.name} of pod ${pod.uuid}`),
    ...joinCgroups(input, { app, config }),
    { op: 'unshare', flags: ['CLONE_NEWNS', 'CLONE_NEWCGROUP'] },
    ...beforeRoot(pod, config),
    ...makeAsPodRoot(pod),
    ...rootFileSystem(input, { app, config }),
    ...afterRoot(pod, config),
    ...restrictions({ pod, app, config, landlock: host.landlock, userNamespaceFd: userNamespaceFd(pod) }),
  ]);
}

function joinCgroups({ pod, host }: PodInput, { app, config }: CompiledFrom): Line[] {
  const { joinApp } = cgroupOps({
    hierarchies: host.hierarchies,
    pod: pod.uuid,
    app: app.name,
    resources: config.linux.resources,
    supervisorFd: FD.supervisorCgroup,
    appFd: FD.enterCgroup,
  });
  return joinApp;
}

/**
 * What root, and overlayfs for it, makes from here on belongs to the pod's root: ids of the host have no place on
 * idmapped mounts.
 */
function makeAsPodRoot({ userNamespace }: PodManifest): Line[] {
  if (!('first' in userNamespace)) return [];
  return [
    { op: 'setfsgid', gid: userNamespace.first },
    { op: 'setfsuid', uid: userNamespace.first },
  ];
}
