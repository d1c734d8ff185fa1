// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { hierarchiesOf } from '@rkt/cgroups';
import { kernelFeatures, syncDirectory, writeNew } from '@rkt/files';
import { initPlan, limitWarnings, podPlan, type Host, type PodInput } from '@rkt/flavor-ns';
import {
  printPod,
  printVerification,
  type PodApp,
  type PodManifest,
  type RuntimeConfig,
  type Verification,
} from '@rkt/formats';
import { printPlan } from '@rkt/plan';
import { type Pod } from '@rkt/pods';
import { type Composed } from './compose.ts';
import { giveDirectories } from './owned.ts';
import { makeEmpty, writeApp } from './write-app.ts';
import { makeVolumes } from './volume-directories.ts';

/**
 * Writes the pod into its directory: manifest, runtime configurations, plans, filters, the files and directories they need.
 *
 * Returns what the user should know, such as default limits that this machine cannot set.
 */
export function writePod(
  dir: string,
  pod: Pod,
  composed: Composed & { readonly verification: readonly Verification[] },
): string[] {
  const { manifest, configs, files, verification } = composed;
  const apps = manifest.apps.map((app) => ({ app, config: configOf(configs, app) }));
  const input: PodInput = { dir, pod: manifest, apps, host: hostOf(manifest) };
  rmSync(join(pod.path, 'probe.plan'), { force: true });
  writeNew(join(pod.path, 'pod.json'), printPod(manifest));
  writeNew(join(pod.path, 'verification.json'), printVerification(verification));
  mkdirSync(join(pod.path, 'etc'));
  for (const { source, content } of files) writeNew(join(pod.path, 'etc', basename(source)), content);
  const volumes = makeVolumes(pod, manifest);
  mkdirSync(join(pod.path, 'apps'));
  const uppers = apps.map((from) =>
    writeApp(input, { ...from, program: composed.programs.get(from.app.name) }, join(pod.path, 'apps', from.app.name)),
  );
  giveDirectories(pod, manifest, [...volumes, ...uppers]);
  writeNew(join(pod.path, 'init'), printPlan(initPlan(input)), 0o600);
  writeNew(join(pod.path, 'plan'), printPlan(podPlan(input)), 0o600);
  makeEmpty(join(pod.path, 'status'), join(pod.path, 'error'));
  syncDirectory(pod.path);
  return [...idWarnings(composed), ...limitWarnings(input)];
}

/** What plans of this pod depend on of this machine. */
export function hostOf(manifest: PodManifest): Host {
  return { hierarchies: hierarchiesOf(manifest), landlock: kernelFeatures()['landlock'] ?? 0 };
}

/** What a user should know of the ids of the pod. */
function idWarnings({ caller, manifest }: Composed): string[] {
  if (caller === undefined) return [];
  const { withoutRanges } = caller;
  return [
    ...(withoutRanges === undefined ? [] : [`the pod has no user id but your own: ${withoutRanges}`]),
    ...(manifest.insecureOptions.includes('userns')
      ? ['--insecure-options=userns changes nothing: without root every pod has a user namespace']
      : []),
  ];
}

export function configOf(configs: Composed['configs'], { name }: PodApp): RuntimeConfig {
  const config = configs.get(name);
  if (config === undefined) throw new Error(`app ${name} has no configuration`);
  return config;
}
