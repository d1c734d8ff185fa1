// SPDX-License-Identifier: Apache-2.0
import { chmodSync, createWriteStream, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
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
import type { PodManifest } from '@rkt/formats';
import { printable } from '@rkt/names';
import { printPlan } from '@rkt/plan';
import type { Pod } from '@rkt/pods';
import { plain } from '@rkt/rootless';
import { aciManifest, type ExportedApp } from './aci-manifest.ts';
import { archivePlan } from './archive-plan.ts';

/** What is exported: an app of a pod that has ended. */
export interface EndedApp extends ExportedApp {
  /** rkt's data directory. */
  readonly dir: string;
  readonly pod: Pod;
  readonly manifest: PodManifest;
  readonly format: string;
}

/** Writes the archive beside its place and renames it into it when it is whole. */
export async function writeArchive(from: EndedApp, path: string): Promise<void> {
  const place = temporaryBeside(join(from.pod.path, 'apps', from.app.name, 'export'));
  const temporary = temporaryBeside(path);
  try {
    makePlace(place, from);
    await (from.format === 'oci' ? writeOci(from, place, temporary) : copyOut(from, place, writerOf(from, temporary)));
    // The files were all there as long as the pod lay where it lies: who removes one moves it away first.
    if (!exists(place))
      throw new Failure(EXIT.tryAgain, `cannot export pod "${from.pod.uuid}": it was removed meanwhile`);
    renameDurably(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    removeTree(place);
  }
}

/** Who reads is not always who owns the place: nothing in it is secret. */
function makePlace(place: string, from: EndedApp): void {
  mkdirSync(join(place, 'rootfs'), { recursive: true });
  if (from.format !== 'aci') return;
  writeScratch(join(place, 'manifest'), aciManifest(from));
  chmodSync(join(place, 'manifest'), 0o644);
}

function writerOf({ format }: EndedApp, to: string): (tar: Readable) => Promise<void> {
  return async (tar) => {
    const file = createWriteStream(to, { flags: 'wx', flush: true });
    await (format === 'aci' ? pipeline(tar, createGzip(), file) : pipeline(tar, file));
  };
}

/** An image has the digests of its parts in front of them: so its only layer is written first, beside the archive. */
async function writeOci(from: EndedApp, place: string, to: string): Promise<void> {
  const { makeImage, writeLayer } = await import('./oci-image.ts');
  const layout = temporaryBeside(to);
  try {
    mkdirSync(layout, { mode: 0o700 });
    const layer = await copyOut(from, place, async (tar) => writeLayer(tar, join(layout, 'layer')));
    const archive = await makeImage(layout, layer, from);
    await pipeline(archive, createWriteStream(to, { flags: 'wx', flush: true }));
  } finally {
    removeTree(layout);
  }
}

/** Has the files of the app read, and what comes of that consumed; what was read is whole when this returns. */
async function copyOut<T>(from: EndedApp, place: string, consume: (tar: Readable) => Promise<T>): Promise<T> {
  const { dir, pod, manifest, app, format } = from;
  const plan = join(place, 'plan');
  const names = format === 'aci' ? ['manifest', 'rootfs'] : ['.'];
  writeScratch(plan, printPlan(archivePlan({ dir, podPath: pod.path, manifest, app, place, names })));
  const child = startPiped([libraryFile('stage1'), plan]);
  child.stdin.end();
  const end = ended(child);
  const result = await consume(child.stdout);
  const { status, lines } = await end;
  if (status === 0) return result;
  const why = lines.at(-1) ?? `tar ended with ${String(status)}`;
  throw new Failure(EXIT.system, `cannot export app "${app.name}": ${printable(plain(why))}`);
}
