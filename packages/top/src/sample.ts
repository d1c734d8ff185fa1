// SPDX-License-Identifier: Apache-2.0
import { ceiling, hierarchiesOf, processesOf, usage, type Usage } from '@rkt/cgroups';
import { lockedFiles } from '@rkt/files';
import { inspectPod, livingPid, type AppView, type PodView } from '@rkt/inspect';
import { listPods } from '@rkt/pods';
import { descendantsOf, usageOfProcesses } from './processes.ts';

/** The counters of an app at one moment. */
export interface AppSample extends Usage {
  readonly uuid: string;
  readonly app: string;
  /** What it may use of memory at most, if there is a limit. */
  readonly memoryMaxBytes?: number;
}

/** The counters of all apps that run, and when they were read. */
export interface Sample {
  readonly timeMs: number;
  readonly apps: readonly AppSample[];
}

/** Reads the counters of the apps of all running pods, or of one. */
export function takeSample(dir: string, uuid: string | undefined): Sample {
  const isLocked = lockedFiles();
  const pods = listPods(dir, ['run']).filter((pod) => uuid === undefined || pod.uuid === uuid);
  const views = pods.flatMap((pod) => inspectPod(dir, pod, isLocked) ?? []);
  const running = views.filter(({ state }) => state === 'running');
  const apps = running.flatMap((view) =>
    view.apps.filter(({ state }) => state === 'running').map((app) => sampleOf(view, app)),
  );
  return { timeMs: performance.now(), apps };
}

/** What no cgroup counts is counted process by process. */
function sampleOf({ pod, manifest }: PodView, { app, status: own }: AppView): AppSample {
  const hierarchies = hierarchiesOf(manifest);
  const counted = usage(pod.uuid, app.name, hierarchies);
  const { memoryBytes } = ceiling(pod.uuid, app.name, hierarchies);
  const isWhole = counted.memoryBytes !== undefined && counted.cpuUsec !== undefined && counted.pids !== undefined;
  const otherwise = isWhole ? {} : usageOfProcesses(pidsOf());
  return {
    uuid: pod.uuid,
    app: app.name,
    ...otherwise,
    ...counted,
    ...(memoryBytes === undefined ? {} : { memoryMaxBytes: memoryBytes }),
  };

  function pidsOf(): number[] {
    const inCgroup = processesOf({ pod: pod.uuid, app: app.name }, hierarchies);
    if (inCgroup.length > 0) return inCgroup;
    const main = livingPid(own);
    return main === undefined ? [] : descendantsOf(main);
  }
}
