// SPDX-License-Identifier: Apache-2.0
import { lstatSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, Failure, hasCode } from '@rkt/exit';
import { lock, namesIn, syncDirectory, tryLock } from '@rkt/files';
import { parseImageDocument } from '@rkt/formats';
import { isDigest, type Digest } from '@rkt/names';
import { indexOf, referencesOf } from './images.ts';
import { readLayoutIndex } from './layout.ts';
import { blobPath, blobsPath, partialsPath } from './paths.ts';
import { readBlob } from './read.ts';
import { referrersOf as artifactsOf, removeReferrers } from './referrers.ts';
import { forgetRemotes } from './remote.ts';

/** What the collector is told. */
export interface CollectOptions {
  /** Blobs that are in use though no image of the store needs them; what they point at is kept too. */
  readonly keep?: Iterable<Digest>;
  /** What was written or used later than this long ago stays: somebody may be fetching. */
  readonly olderThanMs: number;
  readonly nowMs?: number;
}

/** A file that the collector removed: a blob, or what a killed writer left. */
export interface RemovedFile {
  readonly path: string;
  readonly size: number;
  readonly digest?: Digest;
}

/** Removes the blobs that nothing points at, and the leftovers of writers that were killed. What it does not know it leaves alone. */
export async function collect(
  dir: string,
  { keep = [], olderThanMs, nowMs = Date.now() }: CollectOptions,
): Promise<RemovedFile[]> {
  using _held = await lock(dir);
  const reachable = reachableBlobs(dir, keep);
  const isOld = (path: string) => {
    const status = lstatSync(path, { throwIfNoEntry: false });
    // A time in the future is a clock that was wrong once, not a great age.
    return status !== undefined && status.isFile() && nowMs - status.mtimeMs >= olderThanMs;
  };
  const removed: RemovedFile[] = [];
  for (const digest of digestsIn(blobsPath(dir))) {
    const path = blobPath(dir, digest);
    if (!reachable.has(digest) && isOld(path)) removed.push({ ...remove(path), digest });
  }
  for (const name of namesIn(partialsPath(dir))) {
    const path = join(partialsPath(dir), name);
    if (/^[0-9a-f]{64}(?:\.lock)?$/.test(name) && isOld(path)) removed.push(...removeUnlocked(path));
  }
  removed.push(...removeReferrers(dir, (path, subject) => !(subject && reachable.has(subject)) && isOld(path)));
  for (const place of [dir, partialsPath(dir)]) {
    for (const name of namesIn(place)) {
      if (isTemporary(name) && isOld(join(place, name))) removed.push(remove(join(place, name)));
    }
  }
  if (removed.length > 0) syncDirectory(blobsPath(dir));
  forgetRemotes(dir, (image) => reachable.has(image));
  return removed;
}

/** The temporary names of our own writer and of skopeo's. */
function isTemporary(name: string): boolean {
  return /^\.(?:index\.json|oci-layout|[0-9a-f]{64})\.[0-9a-f]+\.tmp$/.test(name) || /^oci-put-blob\d+$/.test(name);
}

/** The digests whose blobs have a file in a directory. */
export function digestsIn(path: string): Digest[] {
  return namesIn(path)
    .map((name) => `sha256:${name}`)
    .filter(isDigest);
}

function remove(path: string): RemovedFile {
  const { size } = lstatSync(path);
  unlinkSync(path);
  return { path, size };
}

// The lock of a partial file is held by whoever writes it, however long that takes.
function removeUnlocked(path: string): RemovedFile[] {
  try {
    using held = tryLock(path);
    return held === undefined ? [] : [remove(path)];
  } catch (error) {
    // Gone, or of another user who lets nobody look whether it is being written.
    if (hasCode(error, 'ENOENT', 'EACCES')) return [];
    throw error;
  }
}

/** Every blob that an image of the store, or one of the given ones, needs, and the artifacts that refer to them. */
export function reachableBlobs(dir: string, more: Iterable<Digest> = []): Set<Digest> {
  const reachable = new Set<Digest>();
  const { entries } = readLayoutIndex(dir);
  const next: Digest[] = [...entries.flatMap(({ digest, shown }) => [digest, shown]), ...more];
  // The index that an image was taken from is kept as it is, without the images for other machines.
  for (const entry of entries) {
    const index = indexOf(entry);
    if (index === undefined) continue;
    reachable.add(index);
    next.push(...artifactsOf(dir, index));
  }
  for (let digest = next.pop(); digest !== undefined; digest = next.pop()) {
    if (reachable.has(digest)) continue;
    reachable.add(digest);
    next.push(...documentsBelow(dir, digest, reachable), ...artifactsOf(dir, digest));
  }
  return reachable;
}

/** Marks what a blob points at; returns what may point further. */
function documentsBelow(dir: string, digest: Digest, reachable: Set<Digest>): Digest[] {
  const bytes = readDocument(dir, digest);
  if (bytes === undefined) return [];
  const below = parse(bytes, digest);
  // A document of a kind that this version does not know: all that looks like a digest is one.
  if (below === undefined) {
    for (const text of bytes.toString('latin1').match(/sha256:[0-9a-f]{64}/g) ?? [])
      if (isDigest(text)) reachable.add(text);
    return [];
  }
  if (below.kind === 'index') return referencesOf(below).map((descriptor) => descriptor.digest);
  for (const descriptor of referencesOf(below)) reachable.add(descriptor.digest);
  return [];
}

function parse(bytes: Buffer, digest: Digest) {
  try {
    return parseImageDocument(bytes, { what: digest });
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** A document of the store; undefined if it is missing, damaged or too large for one. */
function readDocument(dir: string, digest: Digest): Buffer | undefined {
  try {
    return readBlob(dir, digest);
  } catch (error) {
    if (error instanceof Failure && (error.status === EXIT.dataRefused || error.status === EXIT.notFound))
      return undefined;
    throw error;
  }
}
