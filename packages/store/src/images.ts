// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { EXIT, Failure } from '@rkt/exit';
import { parseImageDocument, REF_NAME, type ImageDocument, type LayoutEntry } from '@rkt/formats';
import {
  isDigest,
  printable,
  printArchiveCimd,
  printCimd,
  printReference,
  type ArchiveReference,
  type Digest,
  type Reference,
} from '@rkt/names';
import { entriesOfImageId, entryOfName, FETCHED } from './appc-entries.ts';
import { readLayoutIndex } from './layout.ts';
import { peekBlob } from './read.ts';
import { findRemote } from './remote.ts';

/** The reference by which it was fetched. */
export const SOURCE = 'org.rkt.source';

/** From where its manifest was really taken, if that was a mirror or another place that `registries.conf` names. */
export const LOCATION = 'org.rkt.location';

/** The digest of the index in which it was found. */
export const INDEX = 'org.rkt.index';

/** An image of the store: an entry of its `index.json`. */
export interface StoredImage {
  readonly digest: Digest;
  readonly mediaType: string;
  /** The bytes of the image: its manifest, its configuration and its layers. */
  readonly size: number;
  readonly name?: string;
  readonly fetched?: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The images of the store in the order of its index; one that has several names is there once for each. */
export function listImages(dir: string): StoredImage[] {
  return readLayoutIndex(dir).entries.map((entry) => imageOf(dir, entry));
}

function imageOf(dir: string, { digest, mediaType, size, annotations }: LayoutEntry): StoredImage {
  const { [REF_NAME]: name, [FETCHED]: fetched } = annotations;
  return {
    digest,
    mediaType,
    size: size + sizeBelow(dir, digest),
    annotations,
    ...(name === undefined ? {} : { name }),
    ...(fetched === undefined ? {} : { fetched }),
  };
}

// A listing shows a damaged image too, so what cannot be read counts nothing. The size is for people: nothing depends on it.
function sizeBelow(dir: string, digest: Digest): number {
  try {
    return referencesOf(parseImageDocument(peekBlob(dir, digest), { what: digest })).reduce(
      (sum, { size }) => sum + size,
      0,
    );
  } catch (error) {
    if (error instanceof Failure) return 0;
    throw error;
  }
}

/** The blobs that a manifest or index points at. */
export function referencesOf(document: ImageDocument): { readonly digest: Digest; readonly size: number }[] {
  if (document.kind === 'index') return [...document.index.manifests];
  return [document.manifest.config, ...document.manifest.layers];
}

/**
 * The name under which the store keeps an image of this reference.
 *
 * For a registry it is the text that other tools know, `HOST/REPO:TAG`; a layout's name keeps its scheme, and one of appc is a URI
 * of rkt's, so no file and no page can take the name of a registry's image.
 */
export function nameOf(reference: Reference): string {
  switch (reference.kind) {
    case 'docker':
      return printReference(reference).slice('docker://'.length);
    case 'oci':
    case 'oci-archive':
    case 'docker-archive':
      return printReference({ ...reference, path: resolve(reference.path) });
    case 'appc':
      return printCimd(reference);
    case 'aci-file':
    case 'aci-url':
      return printArchiveCimd(urlOf(reference));
    case 'id':
      return reference.prefix;
  }
}

/** The address of an ACI; that of a file is one of the scheme `file`. */
export function urlOf({ kind, location }: ArchiveReference): string {
  return kind === 'aci-url' ? location : pathToFileURL(resolve(location)).href;
}

/** The reference by which an image of the store can be fetched: what it was fetched by, else what its name says, else its digest. */
export function sourceOf({ annotations, name, digest }: StoredImage): string {
  const { [SOURCE]: source } = annotations;
  // The path of a layout was made absolute for its name.
  if (name !== undefined && /^[a-z-]+:\//.test(name)) return name;
  if (source !== undefined || name === undefined) return source ?? digest;
  // The name of a registry's image has no scheme.
  return /^cimd:[a-z]/.test(name) ? name : `docker://${name}`;
}

/** Finds an image by name or by id. */
export function findImage(dir: string, reference: Reference): StoredImage {
  const matching = matchingEntries(dir, reference);
  const digests = new Set(matching.map(({ digest }) => digest));
  const text = printable(printReference(reference));
  if (digests.size > 1) {
    const kind = reference.kind === 'id' ? 'id' : 'name';
    throw new Failure(
      EXIT.usage,
      `cannot find image "${text}": ${digests.size} images have this ${kind}: wanted a whole id`,
    );
  }
  const [found] = matching;
  if (found !== undefined) return imageOf(dir, found);
  throw new Failure(EXIT.notFound, `cannot find image "${text}": not in the store: fetch it first`);
}

function matchingEntries(dir: string, reference: Reference): readonly LayoutEntry[] {
  const { entries } = readLayoutIndex(dir);
  switch (reference.kind) {
    case 'id': {
      const { prefix } = reference;
      if (prefix.startsWith('sha512-')) return entriesOfImageId(entries, prefix);
      return entries.filter(({ digest }) => digest.startsWith(prefix));
    }
    case 'appc':
      return [entryOfName(entries, reference) ?? []].flat();
    case 'aci-file':
    case 'aci-url': {
      const found = findRemote(dir, urlOf(reference))?.image?.manifest;
      return entries.filter(({ digest }) => digest === found);
    }
    case 'docker':
    case 'oci':
    case 'oci-archive':
    case 'docker-archive': {
      const name = nameOf(reference);
      const named = entries.filter(({ annotations }) => annotations[REF_NAME] === name);
      if (named.length > 0 || reference.kind !== 'docker') return named;
      // A digest says all there is to say about an image, whatever its name.
      return entries.filter(({ digest }) => digest === reference.digest);
    }
  }
}

/** The index from which an image was taken, if it is known. */
export function indexOf({
  annotations,
}: {
  readonly annotations: Readonly<Record<string, string>>;
}): Digest | undefined {
  const text = annotations[INDEX];
  return text !== undefined && isDigest(text) ? text : undefined;
}

/** Refuses an image in appc's format that is named by a file which has changed: whoever names a file means what is in it now. */
export function requireUnchanged(dir: string, reference: Reference): void {
  if (reference.kind !== 'aci-file') return;
  const changed = statSync(reference.location, { throwIfNoEntry: false })?.ctimeMs ?? 0;
  if (changed <= (findRemote(dir, urlOf(reference))?.image?.downloaded ?? 0)) return;
  const file = printable(reference.location);
  throw new Failure(
    EXIT.notFound,
    `cannot find image "${file}": the file changed since it was fetched: fetch it again`,
  );
}
