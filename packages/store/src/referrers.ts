// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { lstatSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { EXIT, Failure } from '@rkt/exit';
import { lock, namesIn, readRegular, syncDirectory, writeDurably } from '@rkt/files';
import {
  ATTESTATION_BYTES_MAX,
  DOCUMENT_BYTES_MAX,
  EMPTY_BLOB,
  parseArtifactManifest,
  parseReferrers,
  printReferrers,
  REFERRERS_BYTES_MAX,
  REFERRERS_MAX,
  SIGNATURE_TYPE,
  type ArtifactManifest,
  type Referrer,
} from '@rkt/formats';
import { isDigest, parseDigest, printable, type Digest } from '@rkt/names';
import { addBlob, hasBlob } from './add.ts';
import { cannotWrite } from './errors.ts';
import { makeBelow } from './layout.ts';
import { referrersDirectory, referrersPath } from './paths.ts';
import { readBlob, type BlobDescriptor } from './read.ts';

/** An artifact to be kept with the image that it refers to. */
export interface AddedArtifact {
  /** The digest of the image, or of the index that it was found in. */
  readonly subject: Digest;
  /** The bytes of the artifact's manifest, as the registry served them or as rkt made them. */
  readonly manifest: Uint8Array;
  /** The bytes of its layers and its configuration, in any order. What is in the store already may be left out. */
  readonly blobs: readonly Uint8Array[];
  /** The tag that it was found under. What was kept under this tag before is replaced. */
  readonly tag?: string;
}

/** The annotation of an artifact in the index that says under which tag it was found. */
const TAG = 'org.rkt.tag';

/** An artifact that refers to an image of the store. */
export interface StoredArtifact extends ArtifactManifest {
  readonly digest: Digest;
}

/** What the store has for an image, and what is wrong with the rest. */
export interface StoredArtifacts {
  readonly artifacts: readonly StoredArtifact[];
  /** A line for each artifact that cannot be read. */
  readonly problems: readonly string[];
}

/** True for a manifest without a subject that may be an artifact all the same: images of cosign before bundles say nowhere what they sign. */
function mayLackSubject({ layers }: ArtifactManifest): boolean {
  const kinds: readonly string[] = [SIGNATURE_TYPE.cosign, SIGNATURE_TYPE.dsse];
  return layers.length > 0 && layers.every(({ mediaType }) => kinds.includes(mediaType));
}

function checkSubject(manifest: ArtifactManifest, subject: Digest, what: string): void {
  if (manifest.subject === subject || (manifest.subject === undefined && mayLackSubject(manifest))) return;
  const named = manifest.subject === undefined ? 'no subject' : `the subject "${manifest.subject}"`;
  throw new Failure(EXIT.dataRefused, `cannot read ${what}: it has ${named}: wanted "${subject}"`);
}

const digestOf = (bytes: Uint8Array) => parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);

/**
 * Keeps an artifact, such as a signature, with the image that it refers to: its blobs first, then under the lock of the store
 * its place in the index of that image. At most 64 for an image, each layer of at most 64 MiB.
 */
export async function addArtifact(
  dir: string,
  { subject, manifest: bytes, blobs, tag }: AddedArtifact,
): Promise<Digest> {
  const digest = digestOf(bytes);
  const what = `artifact "${digest}"`;
  const manifest = parseArtifactManifest(bytes, what);
  checkSubject(manifest, subject, what);
  const given = new Map([...blobs, EMPTY_BLOB].map((blob) => [digestOf(blob), blob]));
  const parts = [manifest.config, ...manifest.layers];
  refuseLarge(what, manifest);
  for (const part of parts) {
    await addBlob(dir, part, (offset) => sourceOf(given.get(part.digest), part, offset));
  }
  const own = { digest, size: bytes.byteLength };
  await addBlob(dir, own, (offset) => Readable.from([bytes.subarray(offset)]));
  using _held = await lock(dir);
  for (const part of [own, ...parts]) {
    // The collector, which takes the same lock, may have been quicker.
    if (!hasBlob(dir, part))
      throw new Failure(EXIT.tryAgain, `cannot keep ${what}: a blob of it was removed meanwhile`);
  }
  const { artifactType } = manifest;
  const annotations = { ...manifest.annotations, ...(tag === undefined ? {} : { [TAG]: tag }) };
  appendReferrer(dir, subject, { ...own, artifactType, annotations });
  return digest;
}

function appendReferrer(dir: string, subject: Digest, added: Referrer): void {
  const path = referrersPath(dir, subject);
  const all = readReferrers(dir, subject);
  if (all.some(({ digest }) => digest === added.digest)) return;
  const tag = added.annotations[TAG];
  const before = all.filter(({ annotations }) => tag === undefined || annotations[TAG] !== tag);
  if (before.length >= REFERRERS_MAX) {
    throw new Failure(
      EXIT.dataRefused,
      `cannot keep artifact "${added.digest}": "${subject}" has ${REFERRERS_MAX} of them`,
    );
  }
  try {
    makeBelow(dir, referrersDirectory(dir));
    writeDurably(path, printReferrers([...before, added]));
    for (const parent of [join(dir, 'referrers'), dir]) syncDirectory(parent);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

function sourceOf(bytes: Uint8Array | undefined, { digest }: BlobDescriptor, offset: number): Readable {
  if (bytes !== undefined) return Readable.from([bytes.subarray(offset)]);
  throw new Failure(EXIT.dataRefused, `cannot keep artifact: its blob "${digest}" was not given`);
}

function refuseLarge(what: string, { config, layers }: ArtifactManifest): void {
  const large = layers.find(({ size }) => size > ATTESTATION_BYTES_MAX);
  const [part, limit] =
    config.size > DOCUMENT_BYTES_MAX ? [config, DOCUMENT_BYTES_MAX] : [large, ATTESTATION_BYTES_MAX];
  if (part === undefined) return;
  throw new Failure(
    EXIT.dataRefused,
    `cannot read ${what}: its blob "${part.digest}" has ${part.size} bytes: wanted at most ${limit}`,
  );
}

/** What the index of an image lists; nothing if there is none. */
function readReferrers(dir: string, subject: Digest): Referrer[] {
  const path = referrersPath(dir, subject);
  const bytes = readRegular(path, REFERRERS_BYTES_MAX);
  return bytes === undefined ? [] : parseReferrers(bytes, path);
}

/** The artifacts that refer to an image, each hashed and of this image. One that is damaged does not hide the others. */
export function listArtifacts(dir: string, subject: Digest): StoredArtifacts {
  const problems: string[] = [];
  const artifacts = attempt(problems, () => readReferrers(dir, subject))?.flatMap(({ digest }) => {
    const found = attempt(problems, () => readArtifact(dir, subject, digest));
    return found === undefined ? [] : [found];
  });
  return { artifacts: artifacts ?? [], problems };
}

function attempt<T>(problems: string[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    problems.push(error.message);
    return undefined;
  }
}

function readArtifact(dir: string, subject: Digest, digest: Digest): StoredArtifact {
  const what = `artifact "${printable(digest)}"`;
  const manifest = parseArtifactManifest(readBlob(dir, digest), what);
  checkSubject(manifest, subject, what);
  refuseLarge(what, manifest);
  return { ...manifest, digest };
}

/** The manifests of the artifacts that refer to an image, for the collector: none if the index cannot be read. */
export function referrersOf(dir: string, subject: Digest): Digest[] {
  return attempt([], () => readReferrers(dir, subject))?.map(({ digest }) => digest) ?? [];
}

/** An index of artifacts that was removed. */
export interface RemovedIndex {
  readonly path: string;
  readonly size: number;
}

/** Removes the indexes of artifacts whose image is not kept, and what killed writers left; the caller holds the lock of the store. */
export function removeReferrers(
  dir: string,
  isRemoved: (path: string, subject: Digest | undefined) => boolean,
): RemovedIndex[] {
  const directory = referrersDirectory(dir);
  const removed = namesIn(directory).flatMap((name) => {
    const path = join(directory, name);
    const subject = `sha256:${name.replace(/\.json$/, '')}`;
    const isTemporary = /^\.[0-9a-f]{64}\.json\.[0-9a-f]+\.tmp$/.test(name);
    const isIndex = name.endsWith('.json') && isDigest(subject);
    if (!(isTemporary || isIndex) || !isRemoved(path, isIndex ? subject : undefined)) return [];
    const { size } = lstatSync(path);
    unlinkSync(path);
    return [{ path, size }];
  });
  if (removed.length > 0) syncDirectory(directory);
  return removed;
}
