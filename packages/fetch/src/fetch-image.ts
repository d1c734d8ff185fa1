// SPDX-License-Identifier: Apache-2.0
import { printPlatform, type Manifest, type Platform } from '@rkt/formats';
import { EXIT, Failure } from '@rkt/exit';
import { isImageId, printable, printReference, type Digest, type ImageId, type Reference } from '@rkt/names';
import { APPC_ID, FETCHED, INDEX, LOCATION, nameOf, shownName, SOURCE, type Store } from '@rkt/store';
import type { AciReference } from './aci/fetch.ts';
import { keepAttached } from './attached.ts';
import { copyImage } from './copy.ts';
import type { Progress } from './progress.ts';
import { findDamage, placeOf, requireSame } from './repair.ts';
import { resolveImage, type ResolvedImage } from './resolve.ts';
import { openSource, type SourceReference } from './sources/index.ts';
import type { SourceOptions } from './sources/source.ts';

/** An image that is in the store. */
export interface FetchedImage {
  /** The digest of the manifest; of an image in appc's format, the image id. */
  readonly id: Digest | ImageId;
  readonly name: string;
  readonly mediaType: string;
  readonly manifest: Manifest;
  /** The bytes of manifest, configuration and layers. */
  readonly size: number;
}

/** How images are fetched. */
export interface FetchOptions extends SourceOptions {
  readonly policy: 'new' | 'never' | 'update';
  /** What the store has is hashed, and fetched again if it is damaged. */
  readonly check: boolean;
  readonly platform: Platform;
  readonly progress: Progress;
  /** Lists of components are kept, too. */
  readonly sbom: boolean;
}

/** Sees to it that an image is in the store, as the pull policy says. */
export async function fetchImage(reference: Reference, options: FetchOptions): Promise<FetchedImage> {
  if (isAciReference(reference)) {
    const { fetchAci } = await import('./aci/fetch.ts');
    return fetchAci(reference, options);
  }
  const { policy, check, store } = options;
  if (policy === 'update' && reference.kind !== 'id') return fetchFromSource(reference, options);
  if (check && (await findDamage(reference, options)).length > 0) return repairImage(reference, options);
  try {
    return storedImage(store, reference);
  } catch (error) {
    const isMissing = error instanceof Failure && error.status === EXIT.notFound;
    // An id names bytes, and no place where they could be had.
    if (!isMissing || policy === 'never' || reference.kind === 'id') throw error;
    return fetchFromSource(reference, options);
  }
}

/** Brings back what is missing of an image that the store knows. */
async function repairImage(reference: Exclude<Reference, AciReference>, options: FetchOptions): Promise<FetchedImage> {
  if (reference.kind !== 'id') return fetchFromSource(reference, options);
  const place = placeOf(options.store, reference);
  return isAciReference(place) ? fetchImage(place, options) : fetchFromSource(place, options, reference);
}

function isAciReference(reference: Reference): reference is AciReference {
  return reference.kind === 'appc' || reference.kind === 'aci-file' || reference.kind === 'aci-url';
}

function storedImage(store: Store, reference: Reference): FetchedImage {
  const { digest, mediaType, size, name, annotations } = store.find(reference);
  const { [APPC_ID]: imageId } = annotations;
  if (imageId !== undefined && isImageId(imageId)) {
    const { manifest } = store.readDocuments(digest);
    return { id: imageId, name: shownName(name ?? imageId), mediaType, manifest, size };
  }
  const { manifest } = store.readImage(digest);
  return { id: digest, name: name ?? digest, mediaType, manifest, size };
}

/** Fetches an image; one that is repaired is the same as before, and has its names. */
async function fetchFromSource(
  reference: SourceReference,
  options: FetchOptions,
  repaired?: Reference,
): Promise<FetchedImage> {
  const { store, platform, progress, check, sbom } = options;
  const text = printable(printReference(reference));
  const source = await openSource(reference, options);
  try {
    const image = await resolveImage(source, platform, text);
    if (repaired !== undefined) requireSame(store, repaired, [image.digest, image.index?.digest]);
    await copyImage(store, source, { image, progress, check });
    if (repaired === undefined) await nameImage(store, reference, { ...image, location: source.location?.() });
    await keepAttached(store, source, { image, sbom, note: progress.note, text });
    checkPlatform(store, image, options);
    return summarise(image, nameOf(reference));
  } finally {
    await source.close();
  }
}

async function nameImage(
  store: Store,
  reference: SourceReference,
  { digest, mediaType, bytes, index, location }: ResolvedImage & { readonly location: string | undefined },
): Promise<void> {
  await store.setReference(
    nameOf(reference),
    { mediaType, digest, size: bytes.byteLength },
    {
      [FETCHED]: new Date().toISOString(),
      [SOURCE]: printReference(reference),
      ...(location === undefined || location === printReference(reference) ? {} : { [LOCATION]: location }),
      ...(index === undefined ? {} : { [INDEX]: index.digest }),
    },
  );
}

/** An image without an index is for the platform that its configuration names, which may be a surprise. */
function checkPlatform(store: Store, { digest }: ResolvedImage, { platform, progress }: FetchOptions): void {
  const { os, architecture } = store.readImage(digest).config;
  if (architecture === '' || (architecture === platform.architecture && os === platform.os)) return;
  progress.note(`the image is for ${printable(`${os}/${architecture}`)}: wanted ${printPlatform(platform)}`);
}

function summarise({ digest, mediaType, manifest, bytes }: ResolvedImage, name: string): FetchedImage {
  const size = [manifest.config, ...manifest.layers].reduce((sum, blob) => sum + blob.size, bytes.byteLength);
  return { id: digest, name, mediaType, manifest, size };
}
