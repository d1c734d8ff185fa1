// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Context } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { lock, readText, renameDurably, writeDurably } from '@rkt/files';
import { limitWarnings, type PodInput } from '@rkt/flavor-ns';
import { parseVerification, printPod, printVerification, type PodManifest } from '@rkt/formats';
import { findPod, isRunning, notRunning, readPod, type Pod } from '@rkt/pods';
import { removeOwnTree } from '@rkt/rootless';
import { checkVolumes } from './check-volumes.ts';
import { composeAddition, type Composed } from './compose.ts';
import { type Settled } from './main.ts';
import { giveDirectories } from './owned.ts';
import { writeApp } from './write-app.ts';
import { makeVolumes } from './volume-directories.ts';
import { configOf, hostOf } from './write-pod.ts';

/** The running pod that an app can be added to; refuses every other one. */
export function podToAddTo(dir: string, uuid: string): Pod {
  const pod = findPod(dir, uuid);
  if (!isRunning(pod)) throw notRunning(pod);
  if (readPod(pod).mutable) return pod;
  throw new Failure(EXIT.no, `cannot add to pod "${pod.uuid}": it is an immutable pod: wanted one of rkt app sandbox`);
}

/**
 * Adds an app to a running pod, which does not start it.
 *
 * The app's directory takes its place when it is whole, and then the manifest names it: whoever is killed in between has added
 * nothing, and what is left of that goes when somebody adds an app of that name again.
 */
export async function addApp({ dir, environment, note }: Context, pod: Pod, settled: Settled): Promise<void> {
  using _held = await lock(join(pod.path, 'apps'));
  const before = readPod(pod);
  const insecure = new Set(before.insecureOptions);
  const composed = composeAddition({ ...settled, dir, pod, insecure, environment }, before);
  checkVolumes(pod, composed.manifest);
  for (const warning of [...composed.warnings, ...writeAddition(dir, pod, { composed, before })]) note(warning);
  const verification = join(pod.path, 'verification.json');
  const known = parseVerification(readText(verification), verification);
  writeDurably(verification, printVerification([...known.decisions, ...settled.verification]));
  writeDurably(join(pod.path, 'pod.json'), printPod(composed.manifest));
}

interface Addition {
  readonly composed: Composed;
  readonly before: PodManifest;
}

/** Returns what the user should know. */
function writeAddition(dir: string, pod: Pod, { composed, before }: Addition): string[] {
  const { manifest } = composed;
  const app = manifest.apps.at(-1);
  if (app === undefined) throw new Error('no app was added');
  const config = configOf(composed.configs, app);
  const input: PodInput = { dir, pod: manifest, apps: [{ app, config }], host: hostOf(manifest) };
  const [place, scratch] = [join(pod.path, 'apps', app.name), join(pod.path, 'apps', `.${app.name}.tmp`)];
  for (const left of [place, scratch]) if (existsSync(left)) removeOwnTree(dir, left);
  const fresh = manifest.volumes.slice(before.volumes.length);
  for (const { name } of fresh) removeLeft(dir, join(pod.path, 'volumes', name));
  try {
    const upper = writeApp(input, { app, config, program: composed.programs.get(app.name) }, scratch);
    giveDirectories(pod, manifest, [...makeVolumes(pod, { ...manifest, volumes: fresh }), upper]);
    renameDurably(scratch, place);
  } catch (error) {
    removeLeft(dir, scratch);
    throw error;
  }
  return limitWarnings(input);
}

function removeLeft(dir: string, path: string): void {
  if (existsSync(path)) removeOwnTree(dir, path);
}
