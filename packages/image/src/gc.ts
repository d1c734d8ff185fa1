// SPDX-License-Identifier: Apache-2.0
import { removeLeftovers, removeTrees, underLayersLock } from '@rkt/collect';
import type { Command, Context } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { exists } from '@rkt/files';
import { hexOf, type Digest } from '@rkt/names';
import { parseDuration, printSize } from '@rkt/human';
import type { Store } from '@rkt/store';
import { asOwner } from './as-owner.ts';
import { treeNames } from './chain.ts';
import { isAci, storeOf } from './images.ts';
import { gcOptions } from './options.ts';

/** rkt-image gc: removes blobs that no image needs, and unpacked layers that no image and no pod needs. */
export const gc: Command<typeof gcOptions> = {
  name: 'rkt-image',
  synopsis: 'rkt-image gc [--grace-period=DURATION]',
  summary: 'remove blobs and unpacked layers that nothing needs',
  options: gcOptions,
  main: async (given, operands, context) => {
    if (operands.length > 0) throw new Failure(EXIT.usage, 'cannot collect single images: wanted no operands: try rm');
    const graceMs = Math.max(0, parseDuration(given['grace-period'], 'grace-period'));
    const store = storeOf(context);
    await collectLayers(context, store, graceMs);
    if (store === undefined) return EXIT.ok;
    for (const { digest, path, size } of await asOwner(store, () => store.collect({ olderThanMs: graceMs }))) {
      context.note(`removed ${digest === undefined ? `"${path}"` : `blob "${digest}"`} (${printSize(size)})`);
    }
    return EXIT.ok;
  },
};

async function collectLayers(context: Context, store: Store | undefined, graceMs: number): Promise<void> {
  const { dir } = context;
  if (!exists(dir, 'layers')) return;
  const wanted = await treesOfImages(store);
  const done = underLayersLock(dir, () => {
    removeLeftovers(dir);
    const removed = removeTrees(dir, { isKept: (name) => wanted.has(name), beforeMs: Date.now() - graceMs });
    for (const name of removed) context.note(`removed layer "sha256:${name}"`);
  });
  if (!done) throw new Failure(EXIT.tryAgain, `cannot collect layers in "${dir}": somebody unpacks layers: try again`);
}

/** The trees of all images; those of a damaged image are not known, and are made again when it has been fetched again. */
async function treesOfImages(store: Store | undefined): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const { digest } of store?.images() ?? []) {
    try {
      for (const name of store === undefined ? [] : await treesOf(store, digest)) names.add(name);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }
  return names;
}

async function treesOf(store: Store, digest: Digest): Promise<string[]> {
  const documents = store.readDocuments(digest);
  if (!isAci(documents.manifest)) return treeNames(store.readImage(digest).config.rootfs.diff_ids);
  const { aciChainIds, parseArtifact, resolveStored } = await import('@rkt/appc');
  const layers = await resolveStored(parseArtifact(documents), (dependency) =>
    store.readDocuments(store.find(dependency).digest),
  );
  return aciChainIds(layers).map(hexOf);
}
