// SPDX-License-Identifier: Apache-2.0
import { chmodSync, chownSync, mkdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { type Context } from '@rkt/command';
import { hasCode } from '@rkt/exit';
import { exists, lock, renameDurably, syncDirectory, writeNew } from '@rkt/files';
import { type Descriptor } from '@rkt/formats';
import { hexOf, type Digest } from '@rkt/names';
import { type AciExpectation } from '@rkt/layers';
import { type Store } from '@rkt/store';
import { removeOwnTree, type Caller } from '@rkt/rootless';
import { type FoundImage } from './images.ts';
import { idsInLayer, type OwnedDirectory } from './owned.ts';
import { makeWorkplace } from './workplace.ts';

/** One layer of an image, as it is unpacked. */
export interface Layer {
  readonly store: Store;
  /** The reference of the image, for messages. */
  readonly image: string;
  readonly descriptor: Descriptor;
  /** The digest of its tar; of an ACI, what it must turn out to be. */
  readonly diffId: Digest | AciExpectation;
  readonly chainId: Digest;
  /** The chain ids of the layers below it, the lowest first. */
  readonly parents: readonly Digest[];
}

/** Images whose layers are unpacked: those that apps have as their root, and others. */
export interface Unpacked {
  readonly roots: readonly FoundImage[];
  readonly others: readonly FoundImage[];
}

/**
 * Makes the tree of every layer of the images that is not there yet: `layers/HEX/tree`, named by its chain id; and
 * on the layers of each root its mount points.
 *
 * A tree is made beside its place and renamed into it, under a lock, so that two of us do not do the work twice.
 */
export async function unpackLayers(
  { dir, note }: Context,
  { roots, others }: Unpacked,
  caller: Caller | undefined,
): Promise<void> {
  const layers = join(dir, 'layers');
  mkdirSync(layers, { recursive: true, mode: 0o700 });
  const wanted = [...roots, ...others].flatMap(layersOf);
  const missing = wanted.filter(({ chainId }) => !isUsed(join(layers, hexOf(chainId))));
  if (missing.length === 0 && roots.every(({ chain }) => hasMountPoints(layers, chain))) return;
  using _held = await lock(layers);
  for (const layer of missing) {
    // Somebody may have made it while we waited.
    if (!exists(layers, hexOf(layer.chainId))) await makeLayer({ dir, note, caller }, layer);
  }
  // Most of the time everything is there already, and none of this is needed.
  const { makeMountPoints } = await import('./mount-points.ts');
  for (const { chain } of roots) if (!hasMountPoints(layers, chain)) makeMountPoints({ dir, caller }, chain);
}

/** True if the image has no layers, or the mount points on its layers are there. */
function hasMountPoints(layers: string, chain: readonly Digest[]): boolean {
  const top = chain.at(-1);
  return top === undefined || exists(layers, hexOf(top), 'mount-points');
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

function layersOf({ store, reference, layers, diffIds, chain, aci }: FoundImage): Layer[] {
  return layers.map((descriptor, index) => {
    const part = aci?.parts[index];
    const diffId =
      part === undefined
        ? diffIds[index]
        : { imageId: part.imageId, manifest: part.manifestDigest, whitelists: part.whitelists };
    const chainId = chain[index];
    if (diffId === undefined || chainId === undefined) throw new Error('an image has more layers than diffIDs');
    return { store, image: reference, descriptor, diffId, chainId, parents: chain.slice(0, index) };
  });
}

interface Making {
  readonly dir: string;
  readonly note: (message: string) => void;
  /** Who calls, if that is not root. */
  readonly caller: Caller | undefined;
}

async function makeLayer({ dir, note, caller }: Making, layer: Layer): Promise<void> {
  const layers = join(dir, 'layers');
  const workplace = makeWorkplace(layers, layer.chainId, layer.parents);
  const { path } = workplace;
  const tree = join(path, 'tree');
  const below = layer.parents.at(-1);
  try {
    const root =
      below === undefined ? { uid: 0, gid: 0 } : likeParent(tree, join(layers, hexOf(below), 'tree'), caller);
    if (caller === undefined) chownSync(tree, root.uid, root.gid);
    const { unpackLayer } = await import('./unpack.ts');
    const made = await unpackLayer({ layer, workplace, root, caller });
    for (const warning of made.warnings) note(warning);
    writeNew(join(path, 'passwd'), made.passwd);
    writeNew(join(path, 'group'), made.group);
    if (made.xattrs.length > 0) writeNew(join(path, 'xattrs'), made.xattrs.map((xattr) => `${xattr}\n`).join(''));
    for (const scratch of ['work', 'merged', 'below']) removeOwnTree(dir, join(path, scratch));
    for (const plan of ['reader.plan', 'writer.plan']) rmSync(join(path, plan));
    syncDirectory(path);
    renameDurably(path, join(layers, hexOf(layer.chainId)));
  } catch (error) {
    removeOwnTree(dir, path);
    throw error;
  }
}

// The root of an overlay is its upper directory: a layer that says nothing about the root leaves it as it was.
function likeParent(tree: string, parent: string, caller: Caller | undefined): OwnedDirectory {
  const { mode, uid, gid } = idsInLayer(parent, caller?.owner);
  const { mtimeMs } = statSync(parent);
  chmodSync(tree, mode & 0o7777);
  utimesSync(tree, mtimeMs / 1000, mtimeMs / 1000);
  return { path: tree, uid, gid };
}
