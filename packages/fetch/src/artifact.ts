// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { EXIT, Failure } from '@rkt/exit';
import {
  DOCUMENT_BYTES_MAX,
  EMPTY_BLOB,
  parseArtifactManifest,
  printArtifactManifest,
  type Descriptor,
  type NewArtifact,
} from '@rkt/formats';
import { parseDigest, printable, type Digest } from '@rkt/names';
import type { AddedArtifact, Store } from '@rkt/store';
import type { Source } from './sources/source.ts';

/** How many bytes may still be fetched. */
export interface Budget {
  left: number;
}

/** The manifest of an artifact, as a source has it. */
export interface FoundArtifact {
  readonly subject: Digest;
  readonly bytes: Buffer;
  /** What it is called, in messages. */
  readonly name: string;
}

/** Where the rest of it is, and how much of that is taken. */
export interface CompleteOptions {
  readonly store: Store;
  readonly source: Source;
  readonly budget: Budget;
  readonly signal: AbortSignal;
}

/** Fetches the blobs of an artifact that the store does not have: small ones, each checked against its digest when it is stored. */
export async function completeArtifact(
  { subject, bytes, name }: FoundArtifact,
  { store, source, budget, signal }: CompleteOptions,
): Promise<AddedArtifact> {
  const what = `artifact "${printable(name)}"`;
  const { config, layers } = parseArtifactManifest(bytes, what);
  take(budget, bytes.byteLength, what);
  const blobs: Buffer[] = [];
  for (const descriptor of new Map([config, ...layers].map((blob) => [blob.digest, blob])).values()) {
    const { digest, size } = descriptor;
    if (isEmpty(descriptor) || (await isStored(store, descriptor))) continue;
    if (size > DOCUMENT_BYTES_MAX) {
      throw new Failure(
        EXIT.dataRefused,
        `cannot keep ${what}: "${digest}" has ${size} bytes: wanted at most ${DOCUMENT_BYTES_MAX}`,
      );
    }
    take(budget, size, what);
    blobs.push(await read(source.blob(descriptor, 0, signal), descriptor, what));
  }
  return { subject, manifest: bytes, blobs };
}

/** The artifacts of an image that the store has already, whole. */
export async function keptArtifacts(store: Store, subject: Digest): Promise<Set<Digest>> {
  const kept = new Set<Digest>();
  for (const { digest, config, layers } of store.artifacts(subject).artifacts) {
    const are = await Promise.all([config, ...layers].map((blob) => isStored(store, blob)));
    if (are.every(Boolean)) kept.add(digest);
  }
  return kept;
}

/** A signature that lay somewhere as a file of its own. */
export interface LooseSignature {
  /** Of the artifact that it becomes, and of its layer. */
  readonly artifactType: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** An artifact of ours with one signature; the same signature is always the same artifact. */
export function wrapSignature(
  subject: NewArtifact['subject'],
  { artifactType, mediaType, bytes }: LooseSignature,
): AddedArtifact {
  const digest = parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
  const layers = [{ mediaType, digest, size: bytes.byteLength }];
  const manifest = Buffer.from(printArtifactManifest({ artifactType, subject, layers }));
  return { subject: subject.digest, manifest, blobs: [bytes] };
}

const isEmpty = ({ size }: Descriptor) => size === EMPTY_BLOB.byteLength;

/** True for a small blob that is in the store as it should be. One that was damaged is removed, so that it is fetched again. */
async function isStored(store: Store, descriptor: Descriptor): Promise<boolean> {
  if (!store.hasBlob(descriptor)) return false;
  try {
    store.readBlob(descriptor.digest);
    return true;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    await store.removeBlob(descriptor.digest);
    return false;
  }
}

function take(budget: Budget, bytes: number, what: string): void {
  budget.left -= bytes;
  if (budget.left < 0) throw new Failure(EXIT.dataRefused, `cannot keep ${what}: more is attached than rkt takes`);
}

async function read(pieces: AsyncIterable<Uint8Array>, { digest, size }: Descriptor, what: string): Promise<Buffer> {
  const found: Uint8Array[] = [];
  let total = 0;
  for await (const piece of pieces) {
    total += piece.byteLength;
    if (total > size) {
      throw new Failure(EXIT.dataRefused, `cannot keep ${what}: "${digest}" has more than ${size} bytes`);
    }
    found.push(piece);
  }
  return Buffer.concat(found, total);
}
