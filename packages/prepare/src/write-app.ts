// SPDX-License-Identifier: Apache-2.0
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { libraryFile, writeNew } from '@rkt/files';
import {
  appPlan,
  imageVolumeDirectories,
  imageVolumesOf,
  lowerTrees,
  outputPlan,
  startPlan,
  type CompiledFrom,
  type PodInput,
} from '@rkt/flavor-ns';
import { printRuntimeConfig } from '@rkt/formats';
import { printPlan } from '@rkt/plan';
import { type OwnedDirectory } from './owned.ts';
import { makeUpper } from './upper.ts';

/** An app and its filter, if it has one. */
export interface WrittenFrom extends CompiledFrom {
  readonly program: Uint8Array | undefined;
}

/**
 * Makes the directory of an app: its runtime configuration, plans and filter, and what it is mounted on.
 *
 * Returns the directory that is to belong to whom the image says.
 */
export function writeApp(input: PodInput, from: WrittenFrom, home: string): OwnedDirectory {
  const { app, config, program } = from;
  mkdirSync(home, { mode: 0o700 });
  for (const directory of ['rootfs', 'layers', 'data', 'data/work']) mkdirSync(join(home, directory), { mode: 0o755 });
  for (const index of lowerTrees(app).keys()) mkdirSync(join(home, 'layers', String(index)));
  for (const volume of imageVolumesOf(input.pod, app)) {
    for (const directory of imageVolumeDirectories(volume)) mkdirSync(join(home, directory), { recursive: true });
  }
  const upper = makeUpper(input, app, join(home, 'data', 'upper'));
  writeNew(join(home, 'config.json'), printRuntimeConfig(config));
  writeNew(join(home, 'plan'), printPlan(appPlan(input, from)), 0o600);
  if (input.pod.mutable) writeNew(join(home, 'start'), printPlan(startPlan(input, from)), 0o600);
  if (app.output !== undefined) {
    mkdirSync(join(home, 'iomux'), { mode: 0o700 });
    writeNew(join(home, 'output'), printPlan(outputPlan(input, app, libraryFile('iomux'))), 0o600);
  }
  if (program !== undefined) writeNew(join(home, 'seccomp.bpf'), program, 0o600);
  makeEmpty(join(home, 'status'));
  return upper;
}

/** What stage1 is going to append to: a pod that starts does not wait for files to be made. */
export function makeEmpty(...paths: readonly string[]): void {
  for (const path of paths) closeSync(openSync(path, 'wx', 0o644));
}
