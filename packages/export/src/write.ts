// SPDX-License-Identifier: Apache-2.0
import { chmodSync, createWriteStream, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { EXIT, Failure } from '@rkt/exit';
import {
  ended,
  exists,
  libraryFile,
  removeTree,
  renameDurably,
  startPiped,
  temporaryBeside,
  writeScratch,
} from '@rkt/files';
import type { PodApp, PodManifest } from '@rkt/formats';
import { printable } from '@rkt/names';
import { printPlan } from '@rkt/plan';
import type { Pod } from '@rkt/pods';
import { plain } from '@rkt/rootless';
import { archivePlan } from './archive-plan.ts';

/** An app of a pod that has ended. */
export interface EndedApp {
  readonly pod: Pod;
  readonly manifest: PodManifest;
  readonly app: PodApp;
  /** The manifest of the image to be made; without one the archive has the files alone. */
  readonly image: string | undefined;
}

/** Writes the archive beside its place and renames it into it when it is whole. */
export async function writeArchive(dir: string, ended_: EndedApp, path: string): Promise<void> {
  const place = temporaryBeside(join(ended_.pod.path, 'apps', ended_.app.name, 'export'));
  const temporary = temporaryBeside(path);
  try {
    makePlace(place, ended_.image);
    await copyOut(dir, { ...ended_, place }, temporary);
    // The files were all there as long as the pod lay where it lies: who removes one moves it away first.
    if (!exists(place))
      throw new Failure(EXIT.tryAgain, `cannot export pod "${ended_.pod.uuid}": it was removed meanwhile`);
    renameDurably(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    removeTree(place);
  }
}

/** Who reads is not always who owns the place: nothing in it is secret. */
function makePlace(place: string, image: string | undefined): void {
  mkdirSync(join(place, 'rootfs'), { recursive: true });
  if (image === undefined) return;
  writeScratch(join(place, 'manifest'), image);
  chmodSync(join(place, 'manifest'), 0o644);
}

async function copyOut(dir: string, from: EndedApp & { readonly place: string }, to: string): Promise<void> {
  const { pod, manifest, app, image, place } = from;
  const plan = join(place, 'plan');
  const names = image === undefined ? ['.'] : ['manifest', 'rootfs'];
  writeScratch(plan, printPlan(archivePlan({ dir, podPath: pod.path, manifest, app, place, names })));
  const child = startPiped([libraryFile('stage1'), plan]);
  child.stdin.end();
  const end = ended(child);
  const file = createWriteStream(to, { flags: 'wx', flush: true });
  await (image === undefined ? pipeline(child.stdout, file) : pipeline(child.stdout, createGzip(), file));
  const { status, lines } = await end;
  if (status === 0) return;
  const why = lines.at(-1) ?? `tar ended with ${String(status)}`;
  throw new Failure(EXIT.system, `cannot export app "${app.name}": ${printable(plain(why))}`);
}
