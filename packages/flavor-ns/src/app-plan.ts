// SPDX-License-Identifier: Apache-2.0
import { type PodManifest } from '@rkt/formats';
import { type Line } from '@rkt/plan';
import { comment, userNamespaceFd } from './host.ts';
import { afterRoot, beforeRoot } from './mounts.ts';
import { cgroupOf, joinNamespaces, type CompiledFrom, type PodInput } from './pod-plan.ts';
import { unusedStreams } from './output-plan.ts';
import { restrictions } from './restrictions.ts';
import { rootFileSystem } from './root.ts';
import { withoutRoot } from './without-root.ts';

/** The plan of one app: its cgroup, its root file system, its restrictions, its program. */
export function appPlan(input: PodInput, { app, config }: CompiledFrom): Line[] {
  const { pod, host } = input;
  return withoutRoot(pod, [
    comment(`app ${app.name} of pod ${pod.uuid}`),
    ...cgroupOf(input, { app, config }).joinApp,
    ...joinNamespaces(pod),
    { op: 'unshare', flags: ['CLONE_NEWNS', 'CLONE_NEWCGROUP'] },
    ...beforeRoot(pod, config),
    ...makeAsPodRoot(pod),
    ...rootFileSystem(input, { app, config }),
    ...afterRoot(pod, config),
    ...unusedStreams(app),
    ...restrictions({ pod, app, config, landlock: host.landlock, userNamespaceFd: userNamespaceFd(pod) }),
  ]);
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
