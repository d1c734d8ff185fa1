// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { hexOf, type Digest } from '@rkt/names';

/** The marker file of the OCI image layout. */
export const markerPath = (dir: string) => join(dir, 'oci-layout');

/** The index of the OCI image layout: which images are in the store. */
export const indexPath = (dir: string) => join(dir, 'index.json');

/** The directory of the blobs, each named by its digest. */
export const blobsPath = (dir: string) => join(dir, 'blobs', 'sha256');

/** A blob. */
export const blobPath = (dir: string, digest: Digest) => join(blobsPath(dir), hexOf(digest));

/** The directory of the blobs that are being written: beside `blobs`, so that no reader of layouts meets them. */
export const partialsPath = (dir: string) => join(dir, 'partial');

/** A blob that is being written; the lock on it is the right to write it. */
export const partialPath = (dir: string, digest: Digest) => join(partialsPath(dir), hexOf(digest));

/** The directory of the indexes of artifacts, one for each image that has any. */
export const referrersDirectory = (dir: string) => join(dir, 'referrers', 'sha256');

/** The index of the artifacts that refer to an image, such as its signatures. */
export const referrersPath = (dir: string, subject: Digest) => join(referrersDirectory(dir), `${hexOf(subject)}.json`);

/** The directory of what is remembered of downloads: beside the layout, so that no reader of layouts meets it. */
export const remotesPath = (dir: string) => join(dir, 'remote');

/** What is remembered of one download. */
export const remotePath = (dir: string, key: string) => join(remotesPath(dir), `${key}.json`);
