// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { type PodManifest } from '@rkt/formats';
import { type Caller } from '@rkt/rootless';

/** What `--ipc` says of the pod. */
export function ipcOf(mode: string, caller: Caller | undefined): Pick<PodManifest, 'ipc'> {
  if (mode !== 'parent') return {};
  if (caller === undefined) return { ipc: 'host' };
  throw new Failure(EXIT.notPermitted, 'cannot use --ipc=parent: not root: the IPC namespace of the host is root’s');
}
