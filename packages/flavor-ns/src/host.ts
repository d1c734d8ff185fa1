// SPDX-License-Identifier: Apache-2.0
import { type Hierarchies } from '@rkt/cgroups';
import { type PodManifest } from '@rkt/formats';
import { type Line } from '@rkt/plan';

/** What a plan depends on of the machine that will execute it. */
export interface Host {
  readonly hierarchies: Hierarchies;
  /** The version of the Landlock ABI, 0 without Landlock. */
  readonly landlock: number;
}

/** A plan without comments in between is hard to read: each part of a plan begins with one. */
export function comment(text: string): Line {
  return { op: '#', text };
}

/** The descriptors of the plans of this flavour. The numbers are ours; they only have to differ. */
export const FD = {
  lock: 3,
  report: 4,
  podStatus: 5,
  supervisorCgroup: 6,
  /** The namespaces of the pod: user, net, uts, ipc from here on, those that it has. */
  namespaces: 10,
  terminal: 16,
  terminalPeer: 17,
  /** Scratch of the app plans. */
  layer: 18,
  root: 19,
  mountpoint: 20,
  landlock: 21,
  /** The process that rkt-enter joins. */
  target: 22,
  /** Bind mounts of an app: the first one for those that are attached as they are opened, the others keep theirs. */
  firstBind: 24,
  lastBind: 43,
  /** The cgroup of the app that starts next. */
  appCgroup: 44,
  /** The fifo that says that there are requests for a pod whose apps come and go. */
  requests: 45,
} as const;

/** The descriptor of the pod's user namespace, or null if it has none. */
export function userNamespaceFd(pod: PodManifest): number | null {
  return 'first' in pod.userNamespace ? FD.namespaces : null;
}
