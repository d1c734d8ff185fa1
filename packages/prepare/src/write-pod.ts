// SPDX-License-Identifier: Apache-2.0
import { chownSync, chmodSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { hostHierarchies } from '@rkt/cgroups';
import { EXIT, Failure } from '@rkt/exit';
import { exists, kernelFeatures, runStage1, syncDirectory, writeNew } from '@rkt/files';
import { appPlan, limitWarnings, podPlan, type CompiledFrom, type Host, type PodInput } from '@rkt/flavor-ns';
import { printPod, printRuntimeConfig, type PodApp, type RuntimeConfig } from '@rkt/formats';
import { hexOf, printable } from '@rkt/names';
import { printPlan } from '@rkt/plan';
import { type Pod } from '@rkt/pods';
import { type Composed } from './compose.ts';

/**
 * Writes the pod into its directory: manifest, runtime configurations, plans, filters, the files and directories they need.
 *
 * Returns what the user should know, such as default limits that this machine cannot set.
 */
export function writePod(dir: string, pod: Pod, composed: Composed & { readonly verification: object }): string[] {
  const { manifest, configs, files, verification } = composed;
  const apps = manifest.apps.map((app) => ({ app, config: configOf(configs, app) }));
  const host: Host = { hierarchies: hostHierarchies(), landlock: kernelFeatures()['landlock'] ?? 0 };
  const input: PodInput = { dir, pod: manifest, apps, host };
  rmSync(join(pod.path, 'probe.plan'), { force: true });
  writeNew(join(pod.path, 'pod.json'), printPod(manifest));
  writeNew(join(pod.path, 'verification.json'), `${JSON.stringify(verification, null, 2)}\n`);
  mkdirSync(join(pod.path, 'etc'));
  for (const { source, content } of files) writeNew(join(pod.path, 'etc', basename(source)), content);
  makeVolumes(pod, composed);
  mkdirSync(join(pod.path, 'apps'));
  for (const from of apps) writeApp(input, pod, { ...from, program: composed.programs.get(from.app.name) });
  writeNew(join(pod.path, 'plan'), printPlan(podPlan(input)), 0o600);
  syncDirectory(pod.path);
  return limitWarnings(input);
}

function configOf(configs: Composed['configs'], { name }: PodApp): RuntimeConfig {
  const config = configs.get(name);
  if (config === undefined) throw new Error(`app ${name} has no configuration`);
  return config;
}

function writeApp(input: PodInput, pod: Pod, from: CompiledFrom & { readonly program: Uint8Array | undefined }): void {
  const { app, config, program } = from;
  const home = join(pod.path, 'apps', app.name);
  mkdirSync(home, { mode: 0o700 });
  for (const directory of ['rootfs', 'layers', 'data', 'data/work']) mkdirSync(join(home, directory), { mode: 0o755 });
  for (const index of app.image.layers.keys()) mkdirSync(join(home, 'layers', String(index)));
  makeUpper(input.dir, app, join(home, 'data', 'upper'));
  writeNew(join(home, 'config.json'), printRuntimeConfig(config));
  writeNew(join(home, 'plan'), printPlan(appPlan(input, from)), 0o600);
  if (program !== undefined) writeNew(join(home, 'seccomp.bpf'), program, 0o600);
}

/** The root directory of an overlay has the attributes of its upper directory: those of the image's root. */
function makeUpper(dir: string, { image }: PodApp, upper: string): void {
  mkdirSync(upper);
  const top = image.layers.at(-1);
  if (top === undefined) return;
  const layer = join(dir, 'layers', hexOf(top));
  const { mode, uid, gid } = statSync(join(layer, 'tree'));
  chownSync(upper, uid, gid);
  chmodSync(upper, mode & 0o7777);
  // Few images have any, and Node cannot see them: the unpacker left a note.
  if (exists(layer, 'xattrs')) copyXattrs(join(layer, 'tree'), upper);
}

function copyXattrs(from: string, to: string): void {
  const plan = `${to}.plan`;
  writeNew(plan, printPlan([{ op: 'copy_xattrs', from, to }]), 0o600);
  const problem = runStage1(plan);
  if (problem !== undefined)
    throw new Failure(
      EXIT.system,
      `cannot copy attributes of "${from}": ${printable(problem.replace(/^stage1: [^ ]*: /, ''))}`,
    );
  rmSync(plan);
}

function makeVolumes(pod: Pod, { manifest }: Composed): void {
  mkdirSync(join(pod.path, 'volumes'), { mode: 0o700 });
  for (const volume of manifest.volumes) {
    if (volume.kind !== 'empty') continue;
    const path = join(pod.path, 'volumes', volume.name);
    mkdirSync(path);
    chownSync(path, volume.uid, volume.gid);
    chmodSync(path, volume.mode);
  }
}
