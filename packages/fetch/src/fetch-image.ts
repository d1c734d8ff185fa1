// SPDX-License-Identifier: Apache-2.0
import { printPlatform, type Manifest, type Platform } from '@rkt/formats';
import { EXIT, Failure } from '@rkt/exit';
import { isImageId, printable, printReference, type Digest, type ImageId, type Reference } from '@rkt/names';
import { APPC_ID, FETCHED, INDEX, LOCATION, nameOf, shownName, SOURCE, type Store } from '@rkt/store';
import { keepAttached } from './attached.ts';
import { copyImage } from './copy.ts';
import type { Progress } from './progress.ts';
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
  readonly platform: Platform;
  readonly progress: Progress;
  /** Lists of components are kept, too. */
  readonly sbom: boolean;
  /** The file with the signature of the image, which has to be one in appc's format. */
  readonly signature: string | undefined;
}

/** Sees to it that an image is in the store, as the pull policy says. */
export async function fetchImage(reference: Reference, options: FetchOptions): Promise<FetchedImage> {
  if (reference.kind === 'appc' || reference.kind === 'aci-file' || reference.kind === 'aci-url') {
    const { fetchAci } = await import('./aci/fetch.ts');
    return fetchAci(reference, options);
  }
  // An id names bytes, and no place where they could be had.
  if (reference.kind === 'id' || options.policy === 'never') return storedImage(options.store, reference);
  if (options.policy === 'new') {
    try {
      return storedImage(options.store, reference);
    } catch (error) {
      if (!(error instanceof Failure) || error.status !== EXIT.notFound) throw error;
    }
  }
  return fetchFromSource(reference, options);
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

async function fetchFromSource(reference: SourceReference, options: FetchOptions): Promise<FetchedImage> {
  const { store, platform, progress, sbom } = options;
  const text = printable(printReference(reference));
  const source = await openSource(reference, options);
  try {
    const image = await resolveImage(source, platform, text);
    await copyImage(store, source, { image, progress });
    await nameImage(store, reference, { ...image, location: source.location?.() });
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
