// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { cgroupOps, type Hierarchies } from '@rkt/cgroups';
import { readText, writeDurably } from '@rkt/files';
import { printPod, printRuntimeConfig, type PodManifest, type RuntimeConfig } from '@rkt/formats';
import { printPlan } from '@rkt/plan';
import type { Pod } from '@rkt/pods';

/** What the files of a pod are to say. */
export interface Recorded {
  readonly pod: Pod;
  readonly before: PodManifest;
  readonly after: PodManifest;
  readonly apps: readonly { readonly app: string; readonly after: RuntimeConfig }[];
  readonly hierarchies: Hierarchies;
}

interface Change {
  readonly path: string;
  readonly before: string;
  readonly after: string;
  readonly mode: number;
}

/**
 * Writes down the limits that the cgroups have: what enters an app, or starts it again, goes by these files.
 *
 * Each file is replaced whole; where one cannot be, those before it get back what they said.
 */
export function record(recorded: Recorded): void {
  const done: Change[] = [];
  try {
    for (const one of changesOf(recorded)) {
      writeDurably(one.path, one.after, one.mode);
      done.push(one);
    }
  } catch (error) {
    for (const { path, before, mode } of done.toReversed()) writeDurably(path, before, mode);
    throw error;
  }
}

function changesOf({ pod, before, after, apps, hierarchies }: Recorded): Change[] {
  const changes = apps.flatMap(({ app, after: config }) => {
    const home = join(pod.path, 'apps', app);
    const plan = readText(join(home, 'plan'));
    const { make, joinApp } = cgroupOps({
      hierarchies,
      pod: pod.uuid,
      app,
      resources: config.linux.resources,
      podResources: after.resources,
      // Nothing is opened here.
      appFd: 0,
    });
    return [
      change(join(home, 'plan'), {
        before: plan,
        after: withJoins(
          plan,
          joinApp.map((op) => printPlan([op])),
        ),
        mode: 0o600,
      }),
      ...(before.mutable ? [startChange(join(home, 'start'), printPlan(make))] : []),
      change(join(home, 'config.json'), { after: printRuntimeConfig(config), mode: 0o644 }),
    ];
  });
  const manifest =
    after === before ? [] : [change(join(pod.path, 'pod.json'), { after: printPod(after), mode: 0o644 })];
  return [...changes, ...manifest].filter((one) => one.before !== one.after);
}

function change(
  path: string,
  { before = readText(path), ...rest }: Omit<Change, 'path' | 'before'> & { before?: string },
) {
  return { path, before, ...rest };
}

/** What starts the app once more makes its cgroups as they are now: the title, those lines, and from the opened cgroup on what was there. */
function startChange(path: string, make: string): Change {
  const before = readText(path);
  const [title = ''] = /^# .*\n/.exec(before) ?? [];
  const after = title + make + before.slice(Math.max(before.search(/^(open|app) /m), 0));
  return { path, before, after, mode: 0o600 };
}

/** The plan of an app with the cgroups that it joins first: in a hierarchy that got a limit just now it was not before. */
export function withJoins(plan: string, joins: readonly string[]): string {
  const missing = joins.filter((line) => !plan.includes(line));
  const at = plan.search(/^unshare /m);
  if (missing.length === 0 || at < 0) return plan;
  return plan.slice(0, at) + missing.join('') + plan.slice(at);
}
