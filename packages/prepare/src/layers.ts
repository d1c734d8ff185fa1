// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { type Context } from '@rkt/command';
import { hasCode } from '@rkt/exit';
import { exists, lock, removeTree, renameDurably, syncDirectory, writeNew } from '@rkt/files';
import { type Descriptor } from '@rkt/formats';
import { hexOf, type Digest } from '@rkt/names';
import { type Store } from '@rkt/store';
import { type FoundImage } from './images.ts';

/** One layer of an image, as it is unpacked. */
export interface Layer {
  readonly store: Store;
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  readonly chainId: Digest;
  /** The chain ids of the layers below it, the lowest first. */
  readonly parents: readonly Digest[];
}

/**
 * Makes the tree of every layer of the images that is not there yet: `layers/HEX/tree`, named by its chain id.
 *
 * A tree is made beside its place and renamed into it, under a lock, so that two of us do not do the work twice.
 */
export async function unpackLayers({ dir, note }: Context, images: readonly FoundImage[]): Promise<void> {
  const layers = join(dir, 'layers');
  mkdirSync(layers, { recursive: true, mode: 0o700 });
  const wanted = images.flatMap(layersOf);
  const missing = wanted.filter(({ chainId }) => !isUsed(join(layers, hexOf(chainId))));
  if (missing.length === 0) return;
  using _held = await lock(layers);
  for (const layer of missing) {
    // Somebody may have made it while we waited.
    if (!exists(layers, hexOf(layer.chainId))) await makeLayer(layers, layer, note);
  }
}

/** True if the layer is there, which then counts as used just now: rkt-image gc leaves it alone until the pod names it. */
function isUsed(path: string): boolean {
  try {
    utimesSync(path, new Date(), new Date());
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

function layersOf({ store, layers, diffIds, chain }: FoundImage): Layer[] {
  return layers.map((descriptor, index) => {
    const diffId = diffIds[index];
    const chainId = chain[index];
    if (diffId === undefined || chainId === undefined) throw new Error('an image has more layers than diffIDs');
    return { store, descriptor, diffId, chainId, parents: chain.slice(0, index) };
  });
}

async function makeLayer(layers: string, layer: Layer, note: (message: string) => void): Promise<void> {
  const name = hexOf(layer.chainId);
  const temporary = join(layers, `.${name}.${randomBytes(6).toString('hex')}.tmp`);
  mkdirSync(temporary, { mode: 0o700 });
  for (const directory of ['tree', 'work', 'merged']) mkdirSync(join(temporary, directory), { mode: 0o755 });
  const below = layer.parents.at(-1);
  if (below !== undefined) likeParent(join(temporary, 'tree'), join(layers, hexOf(below), 'tree'));
  try {
    // Most of the time every layer is there already, and none of this is needed.
    const { unpackLayer } = await import('./unpack.ts');
    const made = await unpackLayer({
      layer,
      scratch: temporary,
      workplace: {
        tree: join(temporary, 'tree'),
        work: join(temporary, 'work'),
        merged: join(temporary, 'merged'),
        parents: layer.parents.map((parent) => join(layers, hexOf(parent), 'tree')),
      },
    });
    for (const warning of made.warnings) note(warning);
    writeNew(join(temporary, 'passwd'), made.passwd);
    writeNew(join(temporary, 'group'), made.group);
    if (made.xattrs.length > 0) writeNew(join(temporary, 'xattrs'), made.xattrs.map((xattr) => `${xattr}\n`).join(''));
    for (const scratch of ['work', 'merged']) removeTree(join(temporary, scratch));
    for (const plan of ['reader.plan', 'writer.plan']) rmSync(join(temporary, plan));
    syncDirectory(temporary);
    renameDurably(temporary, join(layers, name));
  } catch (error) {
    removeTree(temporary);
    throw error;
  }
}

// The root of an overlay is its upper directory: a layer that says nothing about the root leaves it as it was.
function likeParent(tree: string, parent: string): void {
  const { mode, uid, gid, mtimeMs } = statSync(parent);
  chownSync(tree, uid, gid);
  chmodSync(tree, mode & 0o7777);
  utimesSync(tree, mtimeMs / 1000, mtimeMs / 1000);
}
