// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import type { ArtifactManifest } from '@rkt/formats';
import { parseDigest, printable, type Digest } from '@rkt/names';
import type { Store } from '@rkt/store';
import { fetchBlobs, isStored, take, type Budget } from './artifact.ts';
import type { Source } from './sources/source.ts';

/** How what is attached to one image is gathered. */
export interface Gathering {
  readonly store: Store;
  readonly source: Source;
  readonly sbom: boolean;
  readonly signal: AbortSignal;
  readonly budget: Budget;
  readonly turn: Turn;
  /** Does one thing; what fails is told at the end, and stops nothing else. */
  readonly attempt: (work: () => Promise<void>) => Promise<void>;
}

type Turn = <T>(work: () => Promise<T>) => Promise<T>;

/** Lets so many work at once; the others wait for their turn. */
export function makeTurns(count: number): Turn {
  let free = count;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}

/** The artifacts that the store has already, whole. */
export async function keptArtifacts(store: Store, subject: Digest): Promise<Set<Digest>> {
  const kept = new Set<Digest>();
  for (const { digest, config, layers } of store.artifacts(subject).artifacts) {
    const are = await Promise.all([config, ...layers].map((blob) => isStored(store, blob)));
    if (are.every(Boolean)) kept.add(digest);
  }
  return kept;
}

/** An artifact that a source has for an image. */
interface FoundArtifact {
  readonly subject: Digest;
  readonly bytes: Buffer;
  /** What it is called, in messages. */
  readonly name: string;
  readonly manifest: ArtifactManifest;
  readonly tag?: string;
}

/** The digest of these bytes. */
export const digestOf = (bytes: Uint8Array): Digest =>
  parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);

/** An artifact in messages. */
export const whatIs = (name: string) => `artifact "${printable(name)}"`;

/** Keeps an artifact: its blobs first, then its manifest. */
export async function addArtifact(
  { subject, bytes, name, manifest, tag }: FoundArtifact,
  gathering: Gathering,
): Promise<void> {
  take(gathering.budget, bytes.byteLength, whatIs(name));
  await fetchBlobs(manifest, whatIs(name), gathering);
  await gathering.store.addArtifact({ subject, manifest: bytes, blobs: [], ...(tag === undefined ? {} : { tag }) });
}
