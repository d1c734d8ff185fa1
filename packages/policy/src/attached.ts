// SPDX-License-Identifier: Apache-2.0
import { Failure } from '@rkt/exit';
import { ATTACHED_BYTES_MAX, componentsFormatOf, IN_TOTO } from '@rkt/formats';
import { type Digest } from '@rkt/names';
import {
  documentsOf,
  kindOfSignature,
  readLayer,
  type EvidenceStore,
  type FoundImage,
  type FoundSignature,
} from './evidence.ts';

/** What is attached to an image: one layer of an artifact, all of it the word of strangers. */
export interface Attached extends Omit<FoundSignature, 'kind' | 'bytes'> {
  /** Besides signatures: a statement and a list of components that nobody has signed, and what is not known here. */
  readonly kind: FoundSignature['kind'] | 'statement' | 'components' | 'other';
  readonly mediaType: string;
  readonly artifactType: string;
  readonly size: number;
  /** Undefined if it was not read: then `problem` says why, or it need not be read. */
  readonly bytes: Uint8Array | undefined;
  readonly problem: string | undefined;
}

/** All that is attached to an image, and to the index that lists it. */
export interface AllAttached {
  /** The manifest, and the index if there is one. */
  readonly documents: readonly { readonly digest: Digest; readonly bytes: Uint8Array }[];
  readonly attached: readonly Attached[];
  /** What could not be read at all. */
  readonly problems: readonly string[];
}

/** How many are looked at: an image has a handful. */
const ATTACHED_MAX = 256;

/** Reads what is attached to an image: at most 256, of at most 128 MiB together. What cannot be read is told in its place. */
export function gatherAttached(store: EvidenceStore, image: FoundImage): AllAttached {
  const problems: string[] = [];
  const documents = documentsOf(store, image, problems);
  const found = documents.flatMap(({ digest }) => {
    const { artifacts, problems: more } = store.artifacts(digest);
    problems.push(...more);
    return artifacts.flatMap(({ artifactType, layers }) =>
      layers.map((layer) => ({ subject: digest, artifactType, layer })),
    );
  });
  if (found.length > ATTACHED_MAX)
    problems.push(`only ${ATTACHED_MAX} of ${found.length} attached things are looked at`);
  const all = found.slice(0, ATTACHED_MAX);
  const affordable = new Set(withinBudget(all));
  const attached = all.map((one): Attached => {
    const { subject, artifactType, layer } = one;
    const { mediaType, digest, size, annotations } = layer;
    const kind = kindOf(mediaType, artifactType);
    const head = { kind, subject, blob: digest, mediaType, artifactType, size, annotations: annotations ?? {} };
    if (kind === 'other') return { ...head, bytes: undefined, problem: undefined };
    if (!affordable.has(one)) return { ...head, bytes: undefined, problem: 'it is more than is looked at' };
    try {
      return { ...head, bytes: readLayer(store, layer), problem: undefined };
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return { ...head, bytes: undefined, problem: error.message };
    }
  });
  return { documents, attached, problems };
}

function kindOf(mediaType: string, artifactType: string): Attached['kind'] {
  const kind = kindOfSignature(mediaType);
  if (kind !== undefined) return kind;
  if (mediaType === IN_TOTO) return 'statement';
  // Tools that attach any file say what it is once, for the whole artifact.
  return (componentsFormatOf(mediaType) ?? componentsFormatOf(artifactType)) === undefined ? 'other' : 'components';
}

/** The small ones first, so that what is large hides nothing else. */
function withinBudget<T extends { readonly layer: { readonly size: number } }>(all: readonly T[]): T[] {
  let left = ATTACHED_BYTES_MAX;
  return all.toSorted((a, b) => a.layer.size - b.layer.size).filter(({ layer }) => (left -= layer.size) >= 0);
}
