// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { lockedFiles } from '@rkt/files';
import type { PodApp, PodManifest } from '@rkt/formats';
import { printable } from '@rkt/names';
import { findPod, type Pod } from '@rkt/pods';
import { inspectPod } from './view.ts';

/** A pod that runs. */
export interface RunningPod {
  readonly pod: Pod;
  readonly manifest: PodManifest;
}

/** The pod of a UUID or prefix if it runs, or a refusal; the verb is for the message. */
export function findRunning(dir: string, prefix: string, verb: string): RunningPod {
  const found = findPod(dir, prefix);
  const head = `cannot ${verb} pod "${found.uuid}"`;
  const view = inspectPod(dir, found, lockedFiles());
  if (view === undefined) throw new Failure(EXIT.notFound, `${head}: it is gone`);
  const { pod, state, manifest, status } = view;
  if (state !== 'running') throw new Failure(EXIT.no, `${head}: it is not running: its state is "${state}"`);
  if (manifest === undefined)
    throw new Failure(EXIT.dataRefused, `${head}: ${view.problems[0] ?? 'it has no manifest'}`);
  if (status.started === undefined) throw new Failure(EXIT.tryAgain, `${head}: it is still being started: try again`);
  return { pod, manifest };
}

/** The apps of these names, or all if none is named. */
export function appsNamed({ apps }: PodManifest, names: readonly string[]): readonly PodApp[] {
  if (names.length === 0) return apps;
  return names.map((name) => {
    const app = apps.find((candidate) => candidate.name === name);
    if (app !== undefined) return app;
    const known = apps.map((candidate) => candidate.name).join(', ');
    throw new Failure(EXIT.notFound, `cannot find app "${printable(name)}": the pod has ${known}`);
  });
}
