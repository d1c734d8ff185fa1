// SPDX-License-Identifier: Apache-2.0
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { hierarchiesOf } from '@rkt/cgroups';
import { kernelFeatures, syncDirectory, writeNew } from '@rkt/files';
import {
  appPlan,
  imageVolumeDirectories,
  imageVolumesOf,
  limitWarnings,
  lowerTrees,
  podPlan,
  type CompiledFrom,
  type Host,
  type PodInput,
} from '@rkt/flavor-ns';
import {
  printPod,
  printRuntimeConfig,
  printVerification,
  type PodApp,
  type RuntimeConfig,
  type Verification,
} from '@rkt/formats';
import { printPlan } from '@rkt/plan';
import { type Pod } from '@rkt/pods';
import { type Composed } from './compose.ts';
import { giveDirectories, type OwnedDirectory } from './owned.ts';
import { makeUpper } from './upper.ts';
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
  const host: Host = { hierarchies: hierarchiesOf(manifest), landlock: kernelFeatures()['landlock'] ?? 0 };
  const input: PodInput = { dir, pod: manifest, apps, host };
  rmSync(join(pod.path, 'probe.plan'), { force: true });
  writeNew(join(pod.path, 'pod.json'), printPod(manifest));
  writeNew(join(pod.path, 'verification.json'), printVerification(verification));
  mkdirSync(join(pod.path, 'etc'));
  for (const { source, content } of files) writeNew(join(pod.path, 'etc', basename(source)), content);
  const volumes = makeVolumes(pod, manifest);
  mkdirSync(join(pod.path, 'apps'));
  const uppers = apps.map((from) => writeApp(input, pod, { ...from, program: composed.programs.get(from.app.name) }));
  giveDirectories(pod, manifest, [...volumes, ...uppers]);
  writeNew(join(pod.path, 'plan'), printPlan(podPlan(input)), 0o600);
  makeEmpty(join(pod.path, 'status'), join(pod.path, 'error'));
  syncDirectory(pod.path);
  return [...idWarnings(composed), ...limitWarnings(input)];
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

function configOf(configs: Composed['configs'], { name }: PodApp): RuntimeConfig {
  const config = configs.get(name);
  if (config === undefined) throw new Error(`app ${name} has no configuration`);
  return config;
}

/** Makes the directories of an app; returns the one that is to belong to whom the image says. */
function writeApp(
  input: PodInput,
  pod: Pod,
  from: CompiledFrom & { readonly program: Uint8Array | undefined },
): OwnedDirectory {
  const { app, config, program } = from;
  const home = join(pod.path, 'apps', app.name);
  mkdirSync(home, { mode: 0o700 });
  for (const directory of ['rootfs', 'layers', 'data', 'data/work']) mkdirSync(join(home, directory), { mode: 0o755 });
  for (const index of lowerTrees(app).keys()) mkdirSync(join(home, 'layers', String(index)));
  for (const volume of imageVolumesOf(input.pod, app)) {
    for (const directory of imageVolumeDirectories(volume)) mkdirSync(join(home, directory), { recursive: true });
  }
  const upper = makeUpper(input, app, join(home, 'data', 'upper'));
  writeNew(join(home, 'config.json'), printRuntimeConfig(config));
  writeNew(join(home, 'plan'), printPlan(appPlan(input, from)), 0o600);
  if (program !== undefined) writeNew(join(home, 'seccomp.bpf'), program, 0o600);
  makeEmpty(join(home, 'status'));
  return upper;
}

/** What stage1 is going to append to: a pod that starts does not wait for files to be made. */
function makeEmpty(...paths: readonly string[]): void {
  for (const path of paths) closeSync(openSync(path, 'wx', 0o644));
}
