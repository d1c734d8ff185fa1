// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { isRunning, notRunning, readAppStatus, readPodStatus, type Pod } from '@rkt/pods';

/** A process of an app: its pid on the host and in the pod, and the parent of the pod, outside of it. */
export interface AppProcess {
  readonly pid: number;
  readonly nspid: number;
  readonly parent: number;
}

/**
 * Finds the main process of a running app, which the status file names.
 *
 * A pid can be used again between this and the plan; the plan opens it with the number that it must have in its
 * own pid namespace.
 */
export function findProcess(pod: Pod, app: string): AppProcess {
  const status = readPodStatus(pod);
  const { started, ended } = readAppStatus(pod, app);
  const [parent] = status.started?.pids ?? [];
  if (!isRunning(pod) || parent === undefined) throw notRunning(pod);
  if (ended !== undefined) throw new Failure(EXIT.no, `cannot enter app "${app}": it has ended`);
  const [pid, nspid] = started?.pids ?? [];
  if (pid !== undefined && nspid !== undefined) return { pid, nspid, parent };
  throw new Failure(EXIT.no, `cannot enter app "${app}": it has not started yet`);
}
