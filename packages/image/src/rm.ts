// SPDX-License-Identifier: Apache-2.0
import { type Command, type OptionTable } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import type { Digest } from '@rkt/names';
import { asOwner } from './as-owner.ts';
import { findImage, idOf, requireStore } from './images.ts';

// Blobs younger than this may belong to a fetch that goes on now; `rkt image gc` removes them some other day.
const YOUNG_MS = 3_600_000;

const options = {} as const satisfies OptionTable;

/** rkt-image rm: takes images out of the store. */
export const rm: Command<typeof options> = {
  name: 'rkt-image',
  synopsis: 'rkt-image rm IMAGE...',
  summary: 'remove images from the store',
  options,
  main: async (_given, operands, context) => {
    if (operands.length === 0)
      throw new Failure(EXIT.usage, 'cannot remove images: none given: wanted at least one IMAGE');
    const store = requireStore(context);
    const found = new Map<Digest, string>();
    const failures: Failure[] = [];
    for (const text of operands) {
      try {
        const image = findImage(store, text);
        found.set(image.digest, idOf(image));
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        failures.push(error);
        context.note(error.message);
      }
    }
    if (found.size > 0) {
      await asOwner(store, async () => {
        for (const [digest, id] of found) {
          await store.remove(digest);
          context.print(`successfully removed image: "${id}"`);
        }
        await store.collect({ olderThanMs: YOUNG_MS });
      });
      context.note(`${found.size} image(s) successfully removed`);
    }
    return failures[0]?.status ?? EXIT.ok;
  },
};
