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
  /** Bytes read from block devices, and written to them, since the app's start. */
  readonly readBytes?: number;
  readonly writtenBytes?: number;
}

/** What an app may use at most; a number is missing if nothing limits it. */
export interface Ceiling {
  readonly memoryBytes?: number;
  readonly pids?: number;
}

/** What an app uses, as its cgroups count it; nothing if it does not run. */
export function usage(pod: string, app: string, hierarchies: Hierarchies = hostHierarchies()): Usage {
  const { unified, text, onV1 } = filesOf({ pod, app }, hierarchies);
  // Every v2 cgroup counts CPU time, also where the controller of the same name is on v1.
  const cpu = /^usage_usec (\d+)$/m.exec(text(unified, 'cpu.stat') ?? '')?.[1];
  const cpuNsec = cpu === undefined ? onV1('cpuacct', 'cpuacct.usage') : undefined;
  const cpuUsec = cpu ?? (cpuNsec === undefined ? undefined : String(Math.round(Number(cpuNsec) / 1000)));
  const memory = text(unified, 'memory.current') ?? onV1('memory', 'memory.usage_in_bytes');
  const pids = text(unified, 'pids.current') ?? onV1('pids', 'pids.current');
  const io = transferred(text(unified, 'io.stat'), onV1('blkio', 'blkio.throttle.io_service_bytes'));
  return {
    ...io,
    ...(memory === undefined ? {} : { memoryBytes: Number(memory) }),
    ...(cpuUsec === undefined ? {} : { cpuUsec: Number(cpuUsec) }),
    ...(pids === undefined ? {} : { pids: Number(pids) }),
  };
}

/** What an app may use at most, as its cgroups have it at this moment. */
export function ceiling(pod: string, app: string, hierarchies: Hierarchies = hostHierarchies()): Ceiling {
  const { unified, text, onV1 } = filesOf({ pod, app }, hierarchies);
  const memory = numberOf(text(unified, 'memory.max') ?? onV1('memory', 'memory.limit_in_bytes'));
  const pids = numberOf(text(unified, 'pids.max') ?? onV1('pids', 'pids.max'));
  return {
    // v1 says "no limit" by the largest number of pages.
    ...(memory === undefined || memory > Number.MAX_SAFE_INTEGER ? {} : { memoryBytes: memory }),
    ...(pids === undefined ? {} : { pids }),
  };
}

function filesOf({ pod, app }: { readonly pod: string; readonly app: string }, { unified, controllers }: Hierarchies) {
  const text = (mount: string | undefined, file: string) =>
    mount === undefined ? undefined : read(`${appDirectory(mount, pod, app)}/${file}`);
  const onV1 = (controller: string, file: string) => {
    const found = controllers.get(controller);
    return found?.version === 1 ? text(found.mount, file) : undefined;
  };
  return { unified, text, onV1 };
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined || !/^\d+$/.test(text.trim()) ? undefined : Number(text);
}

/** The bytes of all devices: `8:0 rbytes=1 wbytes=2 ...` on v2, `8:0 Read 1` on v1. */
function transferred(v2: string | undefined, v1: string | undefined): Pick<Usage, 'readBytes' | 'writtenBytes'> {
  if (v2 === undefined && v1 === undefined) return {};
  const sum = (pattern: RegExp) =>
    [...(v2 ?? v1 ?? '').matchAll(pattern)].reduce((total, [, bytes]) => total + Number(bytes), 0);
  return v2 === undefined
    ? { readBytes: sum(/^\d+:\d+ Read (\d+)$/gm), writtenBytes: sum(/^\d+:\d+ Write (\d+)$/gm) }
    : { readBytes: sum(/\brbytes=(\d+)/g), writtenBytes: sum(/\bwbytes=(\d+)/g) };
}
