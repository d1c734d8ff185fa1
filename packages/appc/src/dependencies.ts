// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { EXIT, Failure } from '@rkt/exit';
import { LAYERS_MAX } from '@rkt/formats';
import {
  parseDigest,
  printable,
  type AppcReference,
  type Digest,
  type ImageId,
  type StoredReference,
} from '@rkt/names';
import { checkWanted, printImageName } from './labels.ts';
import type { Dependency, ImageManifest } from './manifest.ts';

/** How deep dependencies may depend on others. */
export const DEPENDENCY_DEPTH_MAX = 16;

/** The characters of all path whitelists that apply to one ACI together. */
const WHITELIST_LENGTH_MAX = 16 * 1024 * 1024;

/** An ACI that has been found. */
export interface Aci {
  readonly imageId: ImageId;
  readonly manifest: ImageManifest;
}

/** What of an ACI is compared while it is unpacked. */
export interface UnpackedAci extends Aci {
  readonly manifestDigest: Digest;
  /** The file as it was served. */
  readonly blob: { readonly digest: Digest };
}

/** One ACI of those that make up the files of an image. */
export interface AciLayer<A extends Aci> {
  readonly aci: A;
  /** The whitelists of the ACI and of those that depend on it: a file must be in each of them. */
  readonly whitelists: readonly (readonly string[])[];
}

interface Walk<A extends Aci> {
  readonly find: (dependency: Dependency) => Promise<A>;
  /** The images on the way here, the outermost first. */
  readonly above: readonly Aci[];
  readonly whitelists: readonly (readonly string[])[];
  readonly layers: AciLayer<A>[];
}

/**
 * The ACIs that make up the files of an image, the lowest first: its dependencies in their order, each with its own below it.
 *
 * One that several depend on is there once for each, since what is above what depends on it. `find` gets each dependency
 * by image id or name; what it finds is compared with what is wanted.
 */
export async function resolveDependencies<A extends Aci>(
  top: A,
  find: (dependency: Dependency) => Promise<A>,
): Promise<AciLayer<A>[]> {
  const layers: AciLayer<A>[] = [];
  await walk(top, { find, above: [], whitelists: [], layers });
  return layers;
}

async function walk<A extends Aci>(aci: A, { find, above, whitelists, layers }: Walk<A>): Promise<void> {
  const { manifest, imageId } = aci;
  const refuse = (why: string) =>
    new Failure(EXIT.dataRefused, `cannot use image "${printable(printImageName(manifest))}": ${why}`);
  if (above.some((other) => other.imageId === imageId)) throw refuse('it depends on itself');
  if (above.length > DEPENDENCY_DEPTH_MAX) throw refuse(`dependencies nest deeper than ${DEPENDENCY_DEPTH_MAX} levels`);
  const own = manifest.pathWhitelist.length === 0 ? whitelists : [...whitelists, manifest.pathWhitelist];
  if (own.flat().reduce((sum, path) => sum + path.length, 0) > WHITELIST_LENGTH_MAX) {
    throw refuse(`its path whitelists are longer than ${WHITELIST_LENGTH_MAX} characters`);
  }
  for (const dependency of manifest.dependencies) {
    const found = await find(dependency);
    checkDependency(found, dependency);
    await walk(found, { find, above: [...above, aci], whitelists: own, layers });
  }
  if (layers.length === LAYERS_MAX) throw refuse(`it is made of more than ${LAYERS_MAX} images`);
  layers.push({ aci, whitelists: own });
}

/** Where a dependency is looked for: by its id if it has one, else by its name and labels. */
export function referenceOf({ imageName: name, imageID, labels }: Dependency): AppcReference | StoredReference {
  return imageID === undefined ? { kind: 'appc', name, labels } : { kind: 'id', prefix: imageID };
}

/** Refuses what is not the dependency: aci.md, "Dependency Matching". */
export function checkDependency({ imageId, manifest }: Aci, dependency: Dependency): void {
  const { imageName: name, imageID, labels } = dependency;
  if (imageID !== undefined && !imageId.startsWith(imageID)) {
    throw new Failure(
      EXIT.dataRefused,
      `cannot use image "${printable(name)}" as a dependency: its id is ${imageId}: wanted ${imageID}`,
    );
  }
  // An id says all there is to say, but for the name, which the specification wants to be the same.
  checkWanted(manifest, { name, labels: imageID === undefined ? labels : [] });
}

/**
 * The chain ids of the ACIs of an image, the lowest first: the names of their trees.
 *
 * Each is made of everything that decides what the tree is: the image id, the manifest, the whitelists, and what lies below;
 * and of the file as it was served. Signatures are over that file: a tree that is there has been made of it and of no other.
 */
export function aciChainIds(layers: readonly AciLayer<UnpackedAci>[]): Digest[] {
  const chain: Digest[] = [];
  for (const { aci, whitelists } of layers) {
    const text = JSON.stringify([
      'aci',
      chain.at(-1) ?? '',
      aci.blob.digest,
      aci.imageId,
      aci.manifestDigest,
      whitelists,
    ]);
    chain.push(parseDigest(`sha256:${createHash('sha256').update(text).digest('hex')}`));
  }
  return chain;
}
