// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { closeSync, createReadStream, readSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { extract, type Header } from 'tar-stream';
import { EXIT, Failure, hasCode } from '@rkt/exit';
import { openRegular } from '@rkt/files';
import { DOCUMENT_BYTES_MAX, parseLayoutIndex, parseLayoutMarker } from '@rkt/formats';
import { hexOf, printable, type Digest, type LayoutReference } from '@rkt/names';
import { layoutSource } from './layout.ts';
import type { Source } from './source.ts';

/** A layout has a file per blob and a handful more. */
const ENTRIES_MAX = 100_000;

const HEADER_BYTES = 512;

/** Where the content of a file lies in the archive. */
interface Place {
  readonly offset: number;
  readonly size: number;
}

/** An image in a tar archive of an OCI layout. The archive is read once for its table of contents, in whatever order it is. */
export async function openArchive(reference: LayoutReference): Promise<Source> {
  const { path } = reference;
  const fd = openRegular(path);
  if (fd === undefined) throw new Failure(EXIT.notFound, `cannot read "${printable(path)}": no such file`);
  try {
    const places = await readContents(fd, path);
    const archive = { fd, path, places };
    parseLayoutMarker(readPlace(archive, 'oci-layout'), `${path}:oci-layout`);
    const { entries } = parseLayoutIndex(readPlace(archive, 'index.json'), `${path}:index.json`);
    return layoutSource(reference, {
      entries,
      document: (digest) => readDocument(archive, digest),
      blob: (descriptor, offset) =>
        streamPlace(archive, blobName(descriptor.digest), { size: descriptor.size, offset }),
      referrers: () => [],
      close: () => Promise.resolve(closeSync(fd)),
    });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

const blobName = (digest: Digest) => `blobs/sha256/${hexOf(digest)}`;

interface Archive {
  readonly fd: number;
  readonly path: string;
  readonly places: ReadonlyMap<string, Place>;
}

async function readContents(fd: number, path: string): Promise<ReadonlyMap<string, Place>> {
  refuseCompressed(fd, path);
  const places = new Map<string, Place>();
  const archive = extract();
  // A descriptor of its own: the stream closes it whenever it ends, and ours is read at other places meanwhile.
  const content = createReadStream(`/proc/self/fd/${fd}`, { highWaterMark: 1024 * 1024 });
  // What goes wrong shows in the entries; here it is only waited for.
  const fed = pipeline(content, archive).catch(() => undefined);
  let count = 0;
  try {
    for await (const entry of archive) {
      count += 1;
      if (count > ENTRIES_MAX) throw refused(path, `it has more than ${ENTRIES_MAX} entries`);
      addPlace(places, entry, path);
      entry.resume();
    }
  } catch (error) {
    archive.destroy();
    if (error instanceof Failure || hasCode(error, 'EIO')) throw error;
    throw refused(path, 'it is no tar archive, or a damaged one');
  } finally {
    await fed;
  }
  return places;
}

/** Files only: a link in a layout leads nowhere, and two files of one name are two layouts. */
function addPlace(places: Map<string, Place>, { header, offset }: TarEntry, path: string): void {
  const { name, type, size } = header;
  if (type !== 'file') return;
  const plain = name.replace(/^(?:\.\/)+/, '');
  if (places.has(plain)) throw refused(path, `it has "${printable(plain)}" twice`);
  // The reader tells where the header is; the content follows it.
  places.set(plain, { offset: offset + HEADER_BYTES, size });
}

interface TarEntry {
  readonly header: Header;
  readonly offset: number;
}

function refuseCompressed(fd: number, path: string): void {
  const head = Buffer.alloc(6);
  readSync(fd, head, 0, head.byteLength, 0);
  const magics = { gzip: '1f8b', zstd: '28b52ffd', bzip2: '425a68', xz: 'fd377a585a00' };
  for (const [name, magic] of Object.entries(magics)) {
    if (head.toString('hex').startsWith(magic))
      throw refused(path, `it is compressed by ${name}: wanted a plain tar archive`);
  }
}

function placeOf({ places, path }: Archive, name: string): Place {
  const place = places.get(name);
  if (place !== undefined) return place;
  throw refused(path, `it has no "${name}": wanted a tar archive of an OCI layout`);
}

function readPlace(archive: Archive, name: string): Buffer {
  const { offset, size } = placeOf(archive, name);
  if (size > DOCUMENT_BYTES_MAX) throw refused(archive.path, `"${name}" is larger than ${DOCUMENT_BYTES_MAX} bytes`);
  const bytes = Buffer.alloc(size);
  for (let done = 0; done < size;) {
    const count = readSync(archive.fd, bytes, done, size - done, offset + done);
    if (count === 0) throw refused(archive.path, `it ends within "${name}"`);
    done += count;
  }
  return bytes;
}

function readDocument(archive: Archive, digest: Digest): Buffer {
  const bytes = readPlace(archive, blobName(digest));
  const found = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (found === digest) return bytes;
  throw refused(archive.path, `the blob "${digest}" has the digest "${found}"`);
}

async function* streamPlace(
  archive: Archive,
  name: string,
  { size, offset }: { readonly size: number; readonly offset: number },
): AsyncGenerator<Uint8Array> {
  const place = placeOf(archive, name);
  if (place.size !== size) throw refused(archive.path, `"${name}" has ${place.size} bytes: wanted ${size}`);
  if (offset === size) return;
  const [start, end] = [place.offset + offset, place.offset + size - 1];
  yield* createReadStream('', { fd: archive.fd, autoClose: false, start, end, highWaterMark: 1024 * 1024 });
}

function refused(path: string, why: string): Failure {
  return new Failure(EXIT.dataRefused, `cannot read "${printable(path)}": ${why}`);
}
