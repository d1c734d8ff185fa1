// SPDX-License-Identifier: Apache-2.0
import { type Command, type OptionTable } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import type { Digest } from '@rkt/names';
import type { Store } from '@rkt/store';
import { blobsOf, findImage, requireStore } from './images.ts';

const options = {} as const satisfies OptionTable;

/** rkt-image check: hashes the blobs of images, or all of the store, again. */
export const check: Command<typeof options> = {
  name: 'rkt-image',
  synopsis: 'rkt-image check [IMAGE]...',
  summary: 'hash the blobs of images again',
  options,
  main: async (_given, operands, context) => {
    const store = requireStore(context);
    const digests = operands.flatMap((text) => partsOf(store, findImage(store, text).digest));
    const found = await store.verify(operands.length === 0 ? undefined : digests);
    for (const { digest, state } of found) context.print(`${digest}\t${state}`);
    const bad = found.filter(({ state }) => state !== 'ok').length;
    if (bad === 0) return EXIT.ok;
    throw new Failure(EXIT.dataRefused, `cannot trust ${bad} of ${found.length} blobs: fetch their images again`);
  },
};

/** The blobs of an image as far as they can be found: what stands in a damaged document is not known. */
function partsOf(store: Store, digest: Digest): Digest[] {
  try {
    return blobsOf(store, digest);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return [digest];
  }
}
