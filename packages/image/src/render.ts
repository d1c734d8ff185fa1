// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { claim, deletePod, releaseUnusedRanges } from '@rkt/collect';
import type { Command, Context } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { exists, removeTree, renameDurably, temporaryBeside, writeNew } from '@rkt/files';
import { printable } from '@rkt/names';
import { findPod, readPod, type Pod } from '@rkt/pods';
import { copyRootFileSystem } from './copy.ts';
import { findImage, isAci, requireStore } from './images.ts';
import { extractOptions } from './options.ts';
import { preparePod } from './prepare.ts';

type Extract = Command<typeof extractOptions>;

/** rkt-image extract: the files of an image without those of what it depends on; images of the OCI depend on nothing. */
export const extract: Extract = {
  name: 'rkt-image',
  synopsis: 'rkt-image extract [--rootfs-only] [--overwrite] IMAGE DIRECTORY',
  summary: 'write the files of an image to a directory',
  options: extractOptions,
  main: (given, operands, context) => renderImage(given, operands, { ...context, isAlone: true }),
};

/** rkt-image render: the files of an image as an app would see them. */
export const render: Extract = {
  ...extract,
  synopsis: 'rkt-image render [--rootfs-only] [--overwrite] IMAGE DIRECTORY',
  main: (given, operands, context) => renderImage(given, operands, { ...context, isAlone: false }),
};

async function renderImage(
  given: Parameters<Extract['main']>[0],
  operands: readonly string[],
  context: Context & { readonly isAlone: boolean },
): Promise<number> {
  const [text, directory, ...more] = operands;
  if (text === undefined || directory === undefined || more.length > 0) {
    throw new Failure(EXIT.usage, `cannot use ${operands.length} operands: wanted IMAGE and DIRECTORY: try --help`);
  }
  const target = resolve(directory);
  refuseTarget(target, given.overwrite);
  const store = requireStore(context);
  const { digest } = findImage(store, text);
  const { manifest, manifestBytes, configBytes } = store.readDocuments(digest);
  // The layers are unpacked as they are for every pod, by the program that knows how to mistrust them.
  const pod = findPod(context.dir, preparePod(context.dir, digest, context));
  const temporary = temporaryBeside(target);
  try {
    mkdirSync(temporary, { mode: 0o700 });
    const files = given['rootfs-only'] ? temporary : join(temporary, 'rootfs');
    if (files !== temporary) {
      mkdirSync(files);
      // In appc's format a directory has the manifest of the ACI and nothing else beside the files.
      writeNew(join(temporary, 'manifest'), isAci(manifest) ? configBytes : manifestBytes);
      if (!isAci(manifest)) writeNew(join(temporary, 'config'), configBytes);
    }
    copyRootFileSystem(context.dir, { pod, app: appOf(pod) }, files);
    removeTree(target);
    renameDurably(temporary, target);
  } catch (error) {
    removeTree(temporary);
    throw error;
  } finally {
    await discard(context.dir, pod);
  }
  return EXIT.ok;
}

function refuseTarget(target: string, overwrite: boolean): void {
  const name = printable(target);
  if (target === '/') throw new Failure(EXIT.usage, `cannot write "${name}": it is the root directory of this machine`);
  if (exists(target) && !overwrite) {
    throw new Failure(EXIT.usage, `cannot write "${name}": it exists: try --overwrite`);
  }
}

function appOf(pod: Pod) {
  const [app] = readPod(pod).apps;
  if (app === undefined) throw new Error(`pod ${pod.uuid} has no app`);
  return app;
}

async function discard(dir: string, pod: Pod): Promise<void> {
  using lock = claim(pod);
  if (lock !== undefined) await deletePod(dir, pod);
  releaseUnusedRanges(dir);
}
