// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import type { Context } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { exists } from '@rkt/files';
import { MEDIA_TYPE, type Manifest } from '@rkt/formats';
import { parseReference, printable } from '@rkt/names';
import { APPC_ID, openStore, shownName, type Store, type StoredImage } from '@rkt/store';

/** The store of rkt's directory; undefined if nothing has been fetched yet. */
export function storeOf({ dir }: Context): Store | undefined {
  const path = join(dir, 'store');
  return exists(path) ? openStore(path) : undefined;
}

/** The store of rkt's directory, for who names an image in it. */
export function requireStore(context: Context): Store {
  const store = storeOf(context);
  if (store !== undefined) return store;
  throw new Failure(
    EXIT.notFound,
    `cannot open store "${join(context.dir, 'store')}": no such directory: fetch an image first`,
  );
}

/** The image that the text names: a name as `rkt image list` prints it, a reference, or the beginning of an id. */
export function findImage(store: Store, text: string): StoredImage {
  const named = store.images().filter(({ name }) => name !== undefined && shownName(name) === text);
  const [first, ...more] = named;
  if (first !== undefined && more.every(({ digest }) => digest === first.digest)) return first;
  // Several images may be shown by one name: of one registry and one of appc, or for several machines.
  const reference = parseReference(text);
  if (first === undefined || named.every(({ name }) => name?.startsWith('cimd:'))) return store.find(reference);
  const wanted = named.map((image) => idOf(image).slice(0, 'sha512-'.length + 32)).join(' or ');
  throw new Failure(
    EXIT.usage,
    `cannot find image "${printable(text)}": ${named.length} images have this name: wanted ${wanted}`,
  );
}

/** The id by which people know an image: the digest of its manifest, or in appc's format the first half of its image id. */
export function idOf({ digest, annotations }: StoredImage): string {
  return annotations[APPC_ID]?.slice(0, 'sha512-'.length + 64) ?? digest;
}

/** True for the manifest of an image in appc's format. */
export function isAci({ config }: Manifest): boolean {
  return config.mediaType === MEDIA_TYPE.appcManifest;
}

/** The one operand of a command, for a message that says what is wanted. */
export function oneImage(operands: readonly string[]): string {
  const [image, ...more] = operands;
  if (image === undefined || more.length > 0) {
    throw new Failure(EXIT.usage, `cannot use ${operands.length} operands: wanted one IMAGE: try --help`);
  }
  return image;
}
