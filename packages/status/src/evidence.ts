// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { ceiling, hierarchiesOf, type Ceiling } from '@rkt/cgroups';
import { EXIT, Failure } from '@rkt/exit';
import { libraryFile, readText } from '@rkt/files';
import {
  parseRuntimeConfig,
  parseSeccompProfile,
  type PodManifest,
  type RuntimeConfig,
  type SeccompProfile,
} from '@rkt/formats';
import { livingPid, readProcess, type AppView, type PodView } from '@rkt/inspect';
import { parsePlan, type Op } from '@rkt/plan';

/** What is known of the sandbox of an app that runs: what the kernel says of its process, and what was done to make it. */
export interface Evidence {
  readonly manifest: PodManifest;
  readonly view: AppView;
  readonly config: RuntimeConfig;
  /** The operations of the app: since it runs, each of them was done. */
  readonly plan: readonly Op[];
  /** The lines of /proc/PID/status, by name. */
  readonly process: ReadonlyMap<string, string>;
  readonly uidMap: string;
  readonly limits: string;
  readonly oomScoreAdj: number;
  readonly ceiling: Ceiling;
  readonly defaultFilter: SeccompProfile;
}

/** Reads the evidence of an app of a pod that runs; undefined for an app that does not. */
export function readEvidence({ pod, manifest }: PodView, view: AppView): Evidence | undefined {
  const { name } = view.app;
  const pid = livingPid(view.status);
  if (manifest === undefined || view.state !== 'running' || pid === undefined) return undefined;
  const path = (file: string) => join(pod.path, 'apps', name, file);
  const filter = libraryFile('seccomp.json');
  const evidence = {
    manifest,
    view,
    config: parseRuntimeConfig(readText(path('config.json')), path('config.json')),
    plan: parsePlan(readText(path('plan')), path('plan')),
    process: linesOf(readProcess(pid, 'status')),
    uidMap: readProcess(pid, 'uid_map'),
    limits: readProcess(pid, 'limits'),
    oomScoreAdj: Number(readProcess(pid, 'oom_score_adj')),
    ceiling: ceiling(pod.uuid, name, hierarchiesOf(manifest)),
    defaultFilter: parseSeccompProfile(readText(filter), filter),
  };
  // Its files may have been read half before its end and half behind it.
  if (readProcess(pid, 'status') === '') return undefined;
  if (evidence.process.has('Seccomp')) return evidence;
  throw new Failure(EXIT.system, `cannot read "/proc/${pid}/status": it says nothing of Seccomp`);
}

function linesOf(text: string): Map<string, string> {
  return new Map([...text.matchAll(/^(\w+):\s*(.*)$/gm)].map(([, name = '', value = '']) => [name, value]));
}
