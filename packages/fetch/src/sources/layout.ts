// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { REF_NAME, type Descriptor, type LayoutEntry } from '@rkt/formats';
import { printable, printReference, type Digest, type LayoutReference } from '@rkt/names';
import { artifactsOf, isAttachment, taggedEntry } from './layout-artifacts.ts';
import type { Referrers, Source } from './source.ts';

/** A layout in whatever form: a directory or an archive. */
export interface LayoutReader {
  readonly entries: readonly LayoutEntry[];
  /** A document, hashed. */
  readonly document: (digest: Digest) => Buffer | Promise<Buffer>;
  readonly blob: (descriptor: Descriptor, offset: number) => AsyncIterable<Uint8Array>;
  /** The artifacts that refer to an image, if the layout has a place of its own for them. */
  readonly referrers: (digest: Digest) => Referrers['referrers'];
  readonly close: () => Promise<void>;
}

/** The source of an image of a layout. */
export function layoutSource(reference: LayoutReference, reader: LayoutReader): Source {
  const get = async (digest: Digest, mediaType: string) => ({
    bytes: await reader.document(digest),
    digest,
    mediaType,
  });
  return {
    top: async () => {
      const { digest, mediaType } = chooseEntry(reference, await imagesOf(reference, reader));
      return get(digest, mediaType);
    },
    document: ({ digest, mediaType }) => get(digest, mediaType),
    blob: (descriptor, offset) => reader.blob(descriptor, offset),
    referrers: async (digest, { isWanted, limit }) => {
      const listed = (await artifactsOf(reader, digest)).filter(isWanted);
      const all = new Map([...reader.referrers(digest), ...listed].map((found) => [found.digest, found]));
      return { referrers: [...all.values()].slice(0, limit), isCut: all.size > limit };
    },
    tagged: async (tag) => {
      const entry = taggedEntry(reader.entries, tag);
      return entry === undefined ? undefined : get(entry.digest, entry.mediaType);
    },
    messages: () => Promise.resolve([]),
    close: () => reader.close(),
  };
}

/** The entries among which a reference chooses: without a name, those that are no signatures of the others. */
async function imagesOf({ tag }: LayoutReference, reader: LayoutReader): Promise<readonly LayoutEntry[]> {
  const { entries } = reader;
  if (tag !== undefined || entries.length < 2) return entries;
  const are = await Promise.all(entries.map((entry) => isAttachment(reader, entry)));
  return entries.filter((_, index) => are[index] === false);
}

/** The entry of the name, or the only one if the reference names none. */
function chooseEntry(reference: LayoutReference, entries: readonly LayoutEntry[]): LayoutEntry {
  const { tag, kind } = reference;
  const matching = tag === undefined ? entries : entries.filter(({ annotations }) => annotations[REF_NAME] === tag);
  const [first, ...more] = matching;
  const cannot = `cannot find image "${printable(printReference(reference))}"`;
  if (first === undefined) {
    const names = namesOf(entries);
    throw new Failure(
      EXIT.notFound,
      `${cannot}: no image of this name${names === '' ? '' : `: wanted one of ${names}`}`,
    );
  }
  if (more.some(({ digest }) => digest !== first.digest)) {
    const wanted =
      tag === undefined ? `wanted ${kind}:PATH:NAME with one of ${namesOf(entries)}` : 'its index is damaged';
    throw new Failure(
      tag === undefined ? EXIT.usage : EXIT.dataRefused,
      `${cannot}: it has ${matching.length} images: ${wanted}`,
    );
  }
  return first;
}

function namesOf(entries: readonly LayoutEntry[]): string {
  const names = entries.flatMap(({ annotations }) => annotations[REF_NAME] ?? []);
  const shown = names.slice(0, 5).map((name) => `"${printable(name)}"`);
  return [...shown, ...(names.length > shown.length ? ['...'] : [])].join(', ');
}
