// SPDX-License-Identifier: Apache-2.0
import { Failure } from '@rkt/exit';
import { parseImageConfig, type Descriptor, type Manifest } from '@rkt/formats';
import type { Digest } from '@rkt/names';
import { isFull, type Store } from '@rkt/store';
import type { Progress } from './progress.ts';
import { discardDamaged } from './repair.ts';
import type { ResolvedImage } from './resolve.ts';
import type { Source } from './sources/source.ts';

/** How many blobs are downloaded at once. */
const PARALLEL = 4;

/** Copies the blobs of an image into the store: the configuration first, since it may refuse the rest. */
export async function copyImage(store: Store, source: Source, { image, progress, check }: CopyOptions): Promise<void> {
  if (!check && isComplete(store, image)) return;
  const { manifest } = image;
  const layers = uniqueLayers(manifest);
  const copy = async (descriptor: Descriptor, stop: AbortSignal) => {
    for (;;) {
      try {
        return await copyBlob(store, descriptor, { open: (offset) => source.blob(descriptor, offset, stop), progress });
      } catch (error) {
        if (!(error instanceof Failure) || source.passOver?.(descriptor, error) !== true) throw error;
      }
    }
  };
  store.requireSpaceFor([manifest.config, ...layers]);
  try {
    await copy(manifest.config, new AbortController().signal);
    checkConfig(store, manifest);
    await inParallel(layers, copy);
    for (const { digest, bytes } of documentsOf(image)) {
      await discardDamaged(store, digest, progress.note);
      store.addDocument(digest, bytes);
    }
  } catch (error) {
    if (isFull(error)) store.removePartials(layers.map(({ digest }) => digest));
    throw error;
  }
}

/** The manifest, and the index in which it was found. */
function documentsOf({ digest, bytes, index }: ResolvedImage): { readonly digest: Digest; readonly bytes: Buffer }[] {
  return [{ digest, bytes }, ...(index === undefined ? [] : [index])];
}

/** What is copied. */
export interface CopyOptions {
  readonly image: ResolvedImage;
  readonly progress: Progress;
  /** All blobs are hashed, also those of an image that the store knows. */
  readonly check: boolean;
}

/** True if the image is in the store already, with all its blobs. */
function isComplete(store: Store, image: ResolvedImage): boolean {
  const { digest, manifest } = image;
  if (!store.entries().some((entry) => entry.digest === digest)) return false;
  const documents = documentsOf(image).map((document) => ({
    digest: document.digest,
    size: document.bytes.byteLength,
  }));
  const blobs = [...documents, manifest.config, ...manifest.layers];
  return blobs.every((blob) => store.hasBlob(blob)) && isReadable(store, manifest);
}

function isReadable(store: Store, manifest: Manifest): boolean {
  try {
    checkConfig(store, manifest);
    return true;
  } catch {
    // A damaged configuration: then all blobs are looked at again.
    return false;
  }
}

function checkConfig(store: Store, manifest: Manifest): void {
  const { digest } = manifest.config;
  parseImageConfig(store.readBlob(digest), { what: `configuration "${digest}"`, manifest });
}

function uniqueLayers({ layers }: Manifest): Descriptor[] {
  return [...new Map(layers.map((layer) => [layer.digest, layer])).values()];
}

interface BlobCopy {
  readonly open: (offset: number) => AsyncIterable<Uint8Array>;
  readonly progress: Progress;
}

async function copyBlob(store: Store, descriptor: Descriptor, { open, progress }: BlobCopy): Promise<void> {
  const track = progress.start(descriptor);
  try {
    // What another image left may have been damaged since, and fetching again is how people repair an image.
    await discardDamaged(store, descriptor.digest, progress.note);
    const outcome = await store.addBlob(descriptor, async function* counted(offset) {
      track.advance(offset);
      for await (const piece of open(offset)) {
        yield piece;
        track.advance(piece.byteLength);
      }
    });
    track.end(outcome);
  } catch (error) {
    track.end('failed');
    throw error;
  }
}

/** Copies several blobs at once; the first failure stops the others, and what they have is kept for the next time. */
async function inParallel(
  descriptors: readonly Descriptor[],
  copy: (descriptor: Descriptor, stop: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const waiting = [...descriptors];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      try {
        await copy(next, stop.signal);
      } catch (error) {
        waiting.length = 0;
        stop.abort(error);
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: PARALLEL }, work));
  // The others failed because they were stopped: the reason is what counts.
  if (results.some(({ status }) => status === 'rejected')) throw stop.signal.reason;
}
