// SPDX-License-Identifier: Apache-2.0
import { type PodManifest } from '@rkt/formats';
import { type Line } from '@rkt/plan';
import { comment } from './host.ts';

/**
 * The lines that set what the pod has of the kernel for itself, once its namespaces are joined: each file stands for the
 * namespace of whoever opens it.
 *
 * Those of the network are for whoever has CAP_NET_ADMIN over it. Those of the IPC namespace are for the user who is its root,
 * and for root of the host only where that is the same one.
 */
export function sysctls({ sysctls: given = {}, userNamespace }: PodManifest): Line[] {
  const entries = Object.entries(given);
  if (entries.length === 0) return [];
  const lines = (ofNetwork: boolean) =>
    entries
      .filter(([path]) => path.startsWith('net/') === ofNetwork)
      .map(([path, text]): Line => ({ op: 'write', path: `/proc/sys/${path}`, text }));
  const ipc = lines(false);
  const root = 'first' in userNamespace ? userNamespace.first : 0;
  const asPodRoot = (uid: number): Line[] => (root === 0 ? [] : [{ op: 'setresuid', ruid: 0, euid: uid, suid: 0 }]);
  return [
    comment('settings of the kernel that are those of the pod alone'),
    ...lines(true),
    ...(ipc.length === 0 ? [] : [...asPodRoot(root), ...ipc, ...asPodRoot(0)]),
  ];
}
