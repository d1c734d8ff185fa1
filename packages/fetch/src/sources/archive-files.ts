// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { createReadStream, readSync } from 'node:fs';
import { posix } from 'node:path';
import { EXIT, Failure } from '@rkt/exit';
import { DOCUMENT_BYTES_MAX, type Compression } from '@rkt/formats';
import { decompress, layerLimits, newTally, readTar, sourceOf, type TarEntry } from '@rkt/layers';
import { parseDigest, printable, type Digest } from '@rkt/names';
import { compressionOf, HEAD_BYTES } from '../compression.ts';
import { openSpool, readPlace, type Place, type Spool } from '../spool.ts';

/** A file of an archive: where it lies, and what its bytes are. */
export interface ArchivedFile extends Place {
  readonly digest: Digest;
  readonly compression: Compression;
}

/** The files of a tar archive. */
export interface ArchiveFiles {
  /** The file of a name, or that a link of this name leads to. */
  readonly find: (name: string) => ArchivedFile | undefined;
  readonly read: (file: ArchivedFile, name: string) => Buffer;
  readonly stream: (file: ArchivedFile, offset: number) => AsyncIterable<Uint8Array>;
  readonly close: () => void;
}

const limits = { ...layerLimits, entries: 100_000 };

/** How many links are followed: a link to a link is nothing that anybody writes. */
const LINKS_MAX = 4;

/**
 * Reads an archive once from its beginning to its end, hashing every file. One that is compressed is kept in a spool, since its
 * files are needed in an order of their own.
 */
export async function readArchive(fd: number, path: string, store: { readonly dir: string }): Promise<ArchiveFiles> {
  const compression = compressionOf(headOf(fd, 0), path);
  const spool = compression === 'none' ? undefined : openSpool(store);
  try {
    const contents = await readContents(bytesOf(fd, compression, spool), path);
    const place = spool?.fd ?? fd;
    return {
      find: (name) => findFile(contents, name, path),
      read: (file, name) => readFile(place, file, `${path}:${name}`),
      stream: (file, offset) => readPlace(place, file, offset),
      close: () => spool?.[Symbol.dispose](),
    };
  } catch (error) {
    spool?.[Symbol.dispose]();
    throw error;
  }
}

/** The bytes of the tar; those of a compressed one are written into the spool as they pass. */
async function* bytesOf(fd: number, compression: Compression, spool: Spool | undefined): AsyncGenerator<Uint8Array> {
  // A descriptor of its own: the stream closes it whenever it ends.
  const blob = createReadStream(`/proc/self/fd/${fd}`, { highWaterMark: 1024 * 1024 });
  if (spool === undefined) return yield* blob;
  for await (const piece of decompress({
    blob,
    compression,
    limits,
    compressed: newTally(),
    uncompressed: newTally(),
  })) {
    spool.write(piece);
    yield piece;
  }
}

interface Contents {
  readonly files: ReadonlyMap<string, ArchivedFile>;
  readonly links: ReadonlyMap<string, string>;
}

async function readContents(bytes: AsyncIterable<Uint8Array>, path: string): Promise<Contents> {
  const [files, links] = [new Map<string, ArchivedFile>(), new Map<string, string>()];
  const source = sourceOf(bytes);
  try {
    for await (const entry of readTar(source, limits)) {
      if (entry.type === 'directory') continue;
      if (files.has(entry.path) || links.has(entry.path)) throw refused(path, `it has "${named(entry.path)}" twice`);
      if (entry.type === 'file') files.set(entry.path, await readEntry(source, entry, path));
      else links.set(entry.path, targetOf(entry, path));
    }
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    // What the reader of layers refuses is no layer here.
    throw refused(path, error.message.replace(/^cannot (?:unpack layer|read "[^"]*"): /, ''), error.status);
  }
  return { files, links };
}

async function readEntry(source: ReturnType<typeof sourceOf>, entry: TarEntry, path: string): Promise<ArchivedFile> {
  const { size, extents } = entry;
  if (extents.length > 1 || (extents[0]?.length ?? 0) !== size) {
    throw refused(path, `"${named(entry.path)}" is a sparse file`);
  }
  const offset = source.position();
  const hash = createHash('sha256');
  const head: Uint8Array[] = [];
  let kept = 0;
  const isWhole = await source.copy(size, (bytes) => {
    hash.update(bytes);
    if (kept < HEAD_BYTES) head.push(bytes.slice(0, HEAD_BYTES));
    kept += bytes.byteLength;
  });
  if (!isWhole) throw refused(path, `it ends within "${named(entry.path)}"`);
  const digest = parseDigest(`sha256:${hash.digest('hex')}`);
  return { offset, size, digest, compression: compressionOf(Buffer.concat(head), `${path}:${named(entry.path)}`) };
}

/** Where a link leads, as a name in the archive: of a symbolic link beside itself, of a hard link from the top. */
function targetOf({ type, path: name, linkname }: TarEntry, path: string): string {
  if (type === 'link') return linkname;
  if (type !== 'symlink') throw refused(path, `"${named(name)}" is a device or a fifo`);
  const target = posix.normalize(posix.join(posix.dirname(name), linkname));
  if (!linkname.startsWith('/') && target !== '..' && !target.startsWith('../')) return target;
  throw refused(path, `the link "${named(name)}" leads out of it`);
}

function findFile({ files, links }: Contents, name: string, path: string): ArchivedFile | undefined {
  let at = name.replace(/^(?:\.\/)+/, '');
  for (let followed = 0; followed <= LINKS_MAX; followed += 1) {
    const file = files.get(at);
    if (file !== undefined) return file;
    const target = links.get(at);
    if (target === undefined) return undefined;
    at = target;
  }
  throw refused(path, `its links nest deeper than ${LINKS_MAX}: "${printable(name)}"`);
}

function readFile(fd: number, { offset, size }: ArchivedFile, what: string): Buffer {
  if (size > DOCUMENT_BYTES_MAX) throw refused(what, `it is larger than ${DOCUMENT_BYTES_MAX} bytes`);
  const bytes = Buffer.alloc(size);
  for (let done = 0; done < size;) {
    const count = readSync(fd, bytes, done, size - done, offset + done);
    if (count === 0) throw refused(what, 'it has become shorter');
    done += count;
  }
  return bytes;
}

function headOf(fd: number, offset: number): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  return head.subarray(0, readSync(fd, head, 0, HEAD_BYTES, offset));
}

const named = (bytes: string) => printable(Buffer.from(bytes, 'latin1').toString());

function refused(path: string, why: string, status: Failure['status'] = EXIT.dataRefused): Failure {
  return new Failure(status, `cannot read "${printable(path)}": ${why}`);
}
