// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, fchmodSync, fstatSync, lstatSync, openSync, rmSync } from 'node:fs';
import { EXIT, Failure, hasCode } from '@rkt/exit';
import { lock, syncDirectory } from '@rkt/files';
import { changeLayoutIndex, parseImageDocument, REF_NAME } from '@rkt/formats';
import { printable, type Digest } from '@rkt/names';
import { addDocument } from './add.ts';
import { referencesOf } from './images.ts';
import { changeIndex, readLayoutIndex } from './layout.ts';
import { blobPath, blobsPath } from './paths.ts';
import { readBlob, type BlobDescriptor } from './read.ts';
import { reachableBlobs } from './collect.ts';
import { removeReferrers } from './referrers.ts';
import { shownFor } from './shown.ts';

/** A manifest or index that gets a name. */
export interface NamedDescriptor extends BlobDescriptor {
  readonly mediaType: string;
}

/** What is recorded with a name. */
export interface Named {
  readonly name: string;
  readonly descriptor: NamedDescriptor;
  readonly annotations: Readonly<Record<string, string>>;
}

/**
 * Gives an image a name. An image that had the name before loses it; entries of others stay as they are.
 *
 * Under the lock of the store every blob of the image is looked for once more: the collector, which takes the same lock,
 * may have been quicker.
 */
export async function setReference(dir: string, { name, descriptor, annotations }: Named): Promise<void> {
  const shown = shownFor(dir, descriptor);
  const { bytes } = shown;
  if (bytes !== undefined) addDocument(dir, shown.descriptor.digest, bytes);
  await changeIndex(dir, (index) => {
    checkComplete(dir, descriptor);
    checkComplete(dir, shown.descriptor);
    // What is named is there after a power cut, too: the bytes are by now, and here the names of the blobs become so.
    syncDirectory(blobsPath(dir));
    for (const { digest } of [descriptor, shown.descriptor]) allowRewriting(blobPath(dir, digest));
    const added = { ...shown.descriptor, annotations: { ...annotations, ...shown.annotations, [REF_NAME]: name } };
    return changeLayoutIndex(index, (entry) => (entry.annotations[REF_NAME] === name ? undefined : entry.raw), [added]);
  });
}

// skopeo, when it copies an image whose manifest is there, writes the same bytes into the file. A link is not followed: in a
// store of several users somebody may have put one there just now.
function allowRewriting(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    fchmodSync(fd, (fstatSync(fd).mode & 0o777) | 0o200);
  } catch (error) {
    if (!hasCode(error, 'EPERM', 'EROFS')) throw error;
  } finally {
    closeSync(fd);
  }
}

function checkComplete(dir: string, { digest, mediaType }: NamedDescriptor): void {
  const document = parseImageDocument(readBlob(dir, digest), { what: `manifest "${digest}"`, mediaType });
  if (document.kind === 'index') return;
  for (const { digest: part, size } of referencesOf(document)) {
    const status = lstatSync(blobPath(dir, part), { throwIfNoEntry: false });
    if (status?.isFile() && status.size === size) continue;
    throw new Failure(
      EXIT.tryAgain,
      `cannot name image "${digest}": its blob "${printable(part)}" was removed meanwhile: fetch it again`,
    );
  }
}

/** Takes an image out of the index, under all its names; false if it was not there. Its blobs are left to the collector. */
export async function removeImage(dir: string, digest: Digest): Promise<boolean> {
  const found = readLayoutIndex(dir).entries.some((entry) => entry.digest === digest);
  if (!found) return false;
  await changeIndex(dir, (index) =>
    changeLayoutIndex(index, (entry) => (entry.digest === digest ? undefined : entry.raw)),
  );
  await forgetArtifacts(dir, digest);
  return true;
}

/** What referred to an image goes with it, unless somebody has added the image again meanwhile. */
async function forgetArtifacts(dir: string, image: Digest): Promise<void> {
  using _held = await lock(dir);
  const reachable = reachableBlobs(dir);
  removeReferrers(dir, (_path, subject) => subject === image && !reachable.has(image));
}

/** Deletes one blob, such as a damaged one, so that the next fetch gets it anew. */
export async function removeBlob(dir: string, digest: Digest): Promise<void> {
  using _held = await lock(dir);
  rmSync(blobPath(dir, digest), { force: true });
  syncDirectory(blobsPath(dir));
}
