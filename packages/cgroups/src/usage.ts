// SPDX-License-Identifier: Apache-2.0
import { hostHierarchies, read, type Hierarchies } from './hierarchies.ts';
import { appDirectory } from './paths.ts';

/** What an app uses at this moment; a number is missing if no controller counts it for the app. */
export interface Usage {
  readonly memoryBytes?: number;
  /** CPU time since the app's start, in microseconds. */
  readonly cpuUsec?: number;
  /** Processes and threads. */
  readonly pids?: number;
}

/** What an app uses, as its cgroups count it; nothing if it does not run. */
export function usage(pod: string, app: string, hierarchies: Hierarchies = hostHierarchies()): Usage {
  const { unified, controllers } = hierarchies;
  const text = (mount: string | undefined, file: string) =>
    mount === undefined ? undefined : read(`${appDirectory(mount, pod, app)}/${file}`);
  const onV1 = (controller: string, file: string) => {
    const found = controllers.get(controller);
    return found?.version === 1 ? text(found.mount, file) : undefined;
  };
  // Every v2 cgroup counts CPU time, also where the controller of the same name is on v1.
  const cpu = /^usage_usec (\d+)$/m.exec(text(unified, 'cpu.stat') ?? '')?.[1];
  const cpuNsec = cpu === undefined ? onV1('cpuacct', 'cpuacct.usage') : undefined;
  const cpuUsec = cpu ?? (cpuNsec === undefined ? undefined : String(Math.round(Number(cpuNsec) / 1000)));
  const memory = text(unified, 'memory.current') ?? onV1('memory', 'memory.usage_in_bytes');
  const pids = text(unified, 'pids.current') ?? onV1('pids', 'pids.current');
  return {
    ...(memory === undefined ? {} : { memoryBytes: Number(memory) }),
    ...(cpuUsec === undefined ? {} : { cpuUsec: Number(cpuUsec) }),
    ...(pids === undefined ? {} : { pids: Number(pids) }),
  };
}
