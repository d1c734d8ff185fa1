// SPDX-License-Identifier: Apache-2.0
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pack, type Pack } from 'tar-stream';
import {
  changeLayoutIndex,
  EMPTY_LAYOUT_INDEX,
  parseImageDocument,
  printLayoutIndex,
  printLayoutMarker,
  REF_NAME,
} from '@rkt/formats';
import { hexOf, type Digest } from '@rkt/names';
import { referencesOf } from './images.ts';
import { openBlob, readImage, type BlobDescriptor } from './read.ts';
import { shownFor } from './shown.ts';

/** An image as a tar archive of an OCI layout, which skopeo reads as `oci-archive:FILE`. The same image gives the same bytes. */
export function exportArchive(dir: string, digest: Digest, name?: string): Readable {
  // What cannot be read is found out here, before the first byte.
  const image = readImage(dir, digest);
  const document = parseImageDocument(image.manifestBytes, { what: image.digest });
  const original = { mediaType: document.mediaType, digest: image.digest, size: image.manifestBytes.byteLength };
  const { descriptor, annotations, bytes } = shownFor(dir, original);
  const named = { ...annotations, ...(name === undefined ? {} : { [REF_NAME]: name }) };
  const entry = { ...descriptor, annotations: named };
  const index = printLayoutIndex(changeLayoutIndex(EMPTY_LAYOUT_INDEX, () => undefined, [entry]));
  const archive = pack();
  const blobs = new Map([original, ...referencesOf(document)].map((blob) => [blob.digest, blob]));
  void write(archive, {
    dir,
    index,
    blobs: [...blobs.values()],
    made: bytes === undefined ? undefined : { bytes, digest: descriptor.digest },
  }).catch((error: unknown) => archive.destroy(error instanceof Error ? error : new Error(String(error))));
  return Readable.from(archive, { objectMode: false });
}

interface Content {
  readonly dir: string;
  readonly index: string;
  readonly blobs: readonly BlobDescriptor[];
  /** A document that was made for the archive. */
  readonly made: { readonly bytes: Buffer; readonly digest: Digest } | undefined;
}

async function write(archive: Pack, { dir, index, blobs, made }: Content): Promise<void> {
  const mtime = new Date(0);
  archive.entry({ name: 'oci-layout', mtime }, printLayoutMarker());
  archive.entry({ name: 'index.json', mtime }, index);
  archive.entry({ name: 'blobs/', type: 'directory', mtime });
  archive.entry({ name: 'blobs/sha256/', type: 'directory', mtime });
  if (made !== undefined) archive.entry({ name: `blobs/sha256/${hexOf(made.digest)}`, mtime }, made.bytes);
  for (const blob of blobs) {
    const header = { name: `blobs/sha256/${hexOf(blob.digest)}`, size: blob.size, mtime };
    await new Promise<void>((resolve, reject) => {
      const content = createReadStream('', { fd: openBlob(dir, blob) }).once('error', reject);
      content.pipe(archive.entry(header, (error) => (error ? reject(error) : resolve())));
    });
  }
  archive.finalize();
}
