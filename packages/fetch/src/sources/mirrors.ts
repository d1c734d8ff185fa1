// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { printReference, type Digest } from '@rkt/names';
import type { Location } from '../locations.ts';
import type { Source } from './source.ts';

/** A place and how to open it, which is done when it is asked for something. */
export interface Place extends Location {
  readonly open: () => Source;
}

/** The places that were opened so far, and the way from one to the next. */
function makeWay(places: readonly Place[], note: (message: string) => void) {
  const opened = new Map<number, Source>();
  const nameOf = (index: number) => printReference(places[index]?.reference ?? { kind: 'id', prefix: '' });
  return {
    nameOf,
    hasNext: (index: number) => index + 1 < places.length,
    open: (index: number): Source => {
      const source = opened.get(index) ?? places[index]?.open();
      if (source === undefined) throw new Error(`there is no place ${index}`);
      opened.set(index, source);
      return source;
    },
    /** Notes why a place is passed over, or throws the reason if it is the last one. */
    passOver: (index: number, error: unknown): void => {
      if (!(error instanceof Failure) || index + 1 >= places.length) throw error;
      note(`${error.message}: trying "${nameOf(index + 1)}"`);
    },
    close: async () => {
      await Promise.all([...opened.values()].map((source) => source.close()));
    },
  };
}

/**
 * The source of an image that several places have. Each thing is asked of the place where the manifest was found, and of those
 * behind it when that one fails; what counts is the digest, so blobs of one image may come from several places.
 */
export function mirroredSource(places: readonly Place[], note: (message: string) => void): Source {
  const way = makeWay(places, note);
  let chosen = 0;
  // Where a blob was found to be wrong is not where it is asked for again.
  const starts = new Map<Digest, number>();
  const startOf = (digest: Digest) => Math.max(chosen, starts.get(digest) ?? 0);
  const ask = async <T>(from: number, question: (source: Source) => Promise<T>) => {
    for (let index = from; ; index += 1) {
      try {
        return { index, answer: await question(way.open(index)) };
      } catch (error) {
        way.passOver(index, error);
      }
    }
  };
  return {
    top: async () => {
      const { index, answer } = await ask(0, (source) => source.top());
      chosen = index;
      return answer;
    },
    document: async (descriptor, signal) => (await ask(chosen, (source) => source.document(descriptor, signal))).answer,
    blob: async function* blob(descriptor, offset, signal) {
      let at = offset;
      for (let index = startOf(descriptor.digest); ; index += 1) {
        try {
          for await (const piece of way.open(index).blob(descriptor, at, signal)) {
            yield piece;
            at += piece.byteLength;
          }
          return;
        } catch (error) {
          signal.throwIfAborted();
          way.passOver(index, error);
        }
      }
    },
    passOver: ({ digest }, error) => {
      const index = startOf(digest);
      if (error.status !== EXIT.dataRefused || !way.hasNext(index)) return false;
      way.passOver(index, error);
      starts.set(digest, index + 1);
      return true;
    },
    // Signatures lie where the manifest was found.
    referrers: (digest, wish) => way.open(chosen).referrers(digest, wish),
    tagged: (tag, signal) => way.open(chosen).tagged(tag, signal),
    messages: (digest, signal) => way.open(chosen).messages(digest, signal),
    location: () => way.nameOf(chosen),
    close: () => way.close(),
  };
}
