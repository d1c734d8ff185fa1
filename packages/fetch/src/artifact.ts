// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { EXIT, Failure } from '@rkt/exit';
import {
  ATTESTATION_BYTES_MAX,
  DOCUMENT_BYTES_MAX,
  EMPTY_BLOB,
  printArtifactManifest,
  type ArtifactManifest,
  type Descriptor,
  type NewArtifact,
} from '@rkt/formats';
import { parseDigest } from '@rkt/names';
import type { AddedArtifact, Store } from '@rkt/store';
import type { Source } from './sources/source.ts';

/** How many bytes may still be fetched. */
export interface Budget {
  left: number;
}

/** Where the blobs of artifacts are, and how much of that is taken. */
export interface BlobOptions {
  readonly store: Store;
  readonly source: Source;
  /** Lists of components are wanted: blobs may be large. */
  readonly sbom: boolean;
  readonly budget: Budget;
  readonly signal: AbortSignal;
}

/** Fetches the blobs of an artifact that the store does not have, straight into the store; `what` is for messages. */
export async function fetchBlobs(
  { config, layers }: Pick<ArtifactManifest, 'config' | 'layers'>,
  what: string,
  options: BlobOptions,
): Promise<void> {
  refuseLarge([config], what, DOCUMENT_BYTES_MAX);
  refuseLarge(layers, what, options.sbom ? ATTESTATION_BYTES_MAX : DOCUMENT_BYTES_MAX);
  for (const descriptor of new Map([config, ...layers].map((blob) => [blob.digest, blob])).values())
    await fetchBlob(descriptor, what, options);
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

/** Fetches one blob of an artifact unless the store has it. */
async function fetchBlob(
  descriptor: Descriptor,
  what: string,
  { store, source, budget, signal }: BlobOptions,
): Promise<void> {
  if (descriptor.size === EMPTY_BLOB.byteLength || (await isStored(store, descriptor))) return;
  take(budget, descriptor.size, what);
  await store.addBlob(descriptor, (offset) => source.blob(descriptor, offset, signal));
}

function refuseLarge(blobs: readonly Descriptor[], what: string, limit: number): void {
  const large = blobs.find(({ size }) => size > limit);
  if (large === undefined) return;
  const hint = large.size <= ATTESTATION_BYTES_MAX && limit === DOCUMENT_BYTES_MAX ? ': try --sbom' : '';
  throw new Failure(
    EXIT.dataRefused,
    `cannot keep ${what}: "${large.digest}" has ${large.size} bytes: wanted at most ${limit}${hint}`,
  );
}

/** True if a blob is in the store as it should be. One that was damaged is removed, so that it is fetched again. */
export async function isStored(store: Store, descriptor: Descriptor): Promise<boolean> {
  if (!store.hasBlob(descriptor)) return false;
  const [found] = await store.verify([descriptor.digest]);
  if (found?.state === 'ok') return true;
  await store.removeBlob(descriptor.digest);
  return false;
}

/** Takes bytes from what may still be fetched. */
export function take(budget: Budget, bytes: number, what: string): void {
  // What is too much leaves its place to smaller ones.
  if (bytes > budget.left) throw new Failure(EXIT.dataRefused, `cannot keep ${what}: more is attached than rkt takes`);
  budget.left -= bytes;
}
