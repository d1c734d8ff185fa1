// SPDX-License-Identifier: Apache-2.0
import { type Command, type OptionTable } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import type { Digest } from '@rkt/names';
import { repairOf, sourceOf, type Store } from '@rkt/store';
import { findImage, requireStore } from './images.ts';

const options = {} as const satisfies OptionTable;

/** How many images a message names. */
const NAMED_MAX = 8;

/** rkt-image check: hashes the blobs of images, or all of the store, again. */
export const check: Command<typeof options> = {
  name: 'rkt-image',
  synopsis: 'rkt-image check [IMAGE]...',
  summary: 'hash the blobs of images again',
  options,
  main: async (_given, operands, context) => {
    const store = requireStore(context);
    const digests = operands.flatMap((text) => store.parts(findImage(store, text).digest));
    const found = await store.verify(operands.length === 0 ? undefined : digests);
    for (const { digest, state } of found) context.print(`${digest}\t${state}`);
    const bad = found.filter(({ state }) => state !== 'ok').map(({ digest }) => digest);
    if (bad.length === 0) return EXIT.ok;
    const images = imagesOf(store, new Set(bad)).slice(0, NAMED_MAX);
    const repair = images.length === 0 ? 'no image needs them: rkt image gc removes them' : repairOf(...images);
    throw new Failure(EXIT.dataRefused, `cannot trust ${bad.length} of ${found.length} blobs: ${repair}`);
  },
};

/** The references of the images that need one of the blobs, by which they can be fetched. */
function imagesOf(store: Store, blobs: ReadonlySet<Digest>): string[] {
  const damaged = store.images().filter(({ digest }) => store.parts(digest).some((part) => blobs.has(part)));
  return [...new Set(damaged.map(sourceOf))];
}
