// SPDX-License-Identifier: Apache-2.0
// --check: what the store has is hashed, and what is damaged or missing is fetched again.
import { EXIT, Failure } from '@rkt/exit';
import { parseReference, printable, printReference, type Digest, type Reference } from '@rkt/names';
import { indexOf, sourceOf, type Store, type StoredImage, type VerifiedBlob } from '@rkt/store';

/** What looking for damage needs. */
export interface CheckOptions {
  readonly store: Store;
  readonly policy: 'new' | 'never' | 'update';
}

/**
 * The blobs of an image that the store knows that are damaged or missing.
 *
 * With the pull policy `never` nothing could bring them back: then the image is refused, with status 65.
 */
export async function findDamage(reference: Reference, { store, policy }: CheckOptions): Promise<VerifiedBlob[]> {
  const stored = findStored(store, reference);
  if (stored === undefined) return [];
  const index = indexOf(stored);
  const parts = [...store.parts(stored.digest), ...(index === undefined ? [] : [index])];
  const bad = (await store.verify(parts)).filter(({ state }) => state !== 'ok');
  if (bad.length === 0 || policy !== 'never') return bad;
  throw cannotRepair(reference, 'the pull policy is never: wanted new or update');
}

/** Takes a blob out of the store if it is there and damaged, and says so: then every fetch brings it again. */
export async function discardDamaged(store: Store, digest: Digest, note: (message: string) => void): Promise<void> {
  const [found] = await store.verify([digest]);
  if (found?.state !== 'corrupt') return;
  note(`blob "${digest}" of the store is damaged: fetching it again`);
  await store.removeBlob(digest);
}

/** Where an image of the store came from; of a registry, the very image, whatever its tag means now. */
export function placeOf(store: Store, reference: Reference): Exclude<Reference, { kind: 'id' }> {
  const stored = store.find(reference);
  const source = parseReference(sourceOf(stored));
  if (source.kind === 'id') throw cannotRepair(reference, 'nobody knows where it came from');
  return source.kind === 'docker' ? { ...source, digest: indexOf(stored) ?? stored.digest } : source;
}

/** Refuses what a source has instead of an image that is to be repaired: its manifest, and the index that led there. */
export function requireSame(
  store: Store,
  reference: Reference,
  [manifest, index]: readonly [Digest, Digest | undefined],
): void {
  const { digest } = store.find(reference);
  if (digest !== manifest && digest !== index) throw cannotRepair(reference, `its source has "${manifest}" now`);
}

function findStored(store: Store, reference: Reference): StoredImage | undefined {
  try {
    return store.find(reference);
  } catch (error) {
    if (error instanceof Failure && error.status === EXIT.notFound) return undefined;
    throw error;
  }
}

function cannotRepair(reference: Reference, why: string): Failure {
  return new Failure(EXIT.dataRefused, `cannot repair image "${printable(printReference(reference))}": ${why}`);
}
