// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { type PodResources, type RuntimeResources } from '@rkt/formats';
import { type GivenPodLimits } from './options.ts';
import { checkPids, parseCpu, parseMemory } from './quantities.ts';
import { bandwidth, PERIOD_USEC } from './resources.ts';

/** The resources of a pod as a whole that the options mean; undefined if none is given. */
export function podResourcesOf(given: GivenPodLimits): PodResources | undefined {
  const { 'pod-memory': memory, 'pod-cpu': cpu, 'pod-pids-limit': pids } = given;
  if (memory === undefined && cpu === undefined && pids === undefined) return undefined;
  return {
    ...(memory === undefined ? {} : { memory: { limit: parseMemory(memory, '--pod-memory') } }),
    ...(cpu === undefined ? {} : { cpu: bandwidth(parseCpu(cpu, '--pod-cpu')) }),
    ...(pids === undefined ? {} : { pids: { limit: checkPids(pids, '--pod-pids-limit') } }),
  };
}

/** Refuses an app more processor time than its pod has: v1 would as well, and v2 would never give it. */
export function requireRoom(pod: PodResources | undefined, app: string, { cpu }: RuntimeResources): void {
  const [own, whole] = [shareOf(cpu), shareOf(pod?.cpu)];
  if (own === undefined || whole === undefined || own <= whole) return;
  throw new Failure(EXIT.usage, `cannot use --cpu=${own} for app "${app}": more than --pod-cpu=${whole}`);
}

function shareOf(cpu: RuntimeResources['cpu']): number | undefined {
  if (cpu?.quota === undefined || cpu.quota <= 0) return undefined;
  return cpu.quota / (cpu.period ?? PERIOD_USEC);
}
