// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { Failure } from '@rkt/exit';
import { readRegular } from '@rkt/files';
import { parseRuntimeConfig, type PodApp, type RuntimeResources } from '@rkt/formats';
import type { Pod } from '@rkt/pods';

const CONFIG_BYTES_MAX = 4 * 1024 * 1024;

/** The limits of an app in the JSON of `rkt list` and `rkt status`; undefined if its configuration cannot be read. */
export function limitsObject({ path }: Pod, { name }: PodApp): object | undefined {
  const resources = resourcesOf(join(path, 'apps', name, 'config.json'));
  if (resources === undefined) return undefined;
  const { memory, cpu, pids } = resources;
  return {
    memory_bytes: memory?.limit,
    cpu_millis: cpu?.quota === undefined || cpu.period === undefined ? undefined : (cpu.quota * 1000) / cpu.period,
    cpu_shares: cpu?.shares,
    pids: pids?.limit,
  };
}

function resourcesOf(path: string): RuntimeResources | undefined {
  try {
    const bytes = readRegular(path, CONFIG_BYTES_MAX);
    return bytes === undefined ? undefined : parseRuntimeConfig(bytes.toString(), path).linux.resources;
  } catch (error) {
    // A listing shows the rest; what is wrong with a damaged pod is told by the manifest.
    if (error instanceof Failure || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
