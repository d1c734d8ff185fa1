// SPDX-License-Identifier: Apache-2.0
import type { LayerLimits } from '../limits.ts';
import { quote, refusal } from '../refusal.ts';
import type { Source } from '../source.ts';
import { BLOCK_BYTES, isZero, parseHeader, stringOf, type Header } from './header.ts';
import { parsePath } from './path.ts';
import { checkGlobal, parseOverrides, type Overrides, type Time } from './pax.ts';
import { checkSparseMap, readSparseMap, type Extent, type SparseMap } from './sparse.ts';

/** What an entry of a tar is. */
export type EntryType = 'directory' | 'file' | 'link' | 'symlink' | 'fifo' | 'character' | 'block';

/** One entry, all extensions applied. Strings are bytes, one character each. */
export interface TarEntry {
  readonly type: EntryType;
  /** A path beneath the root of the tree, `.` for the root itself. */
  readonly path: string;
  /** Of a hard link, a path as above; of a symbolic link, whatever the tar says. */
  readonly linkname: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Time;
  /** Of a file: its size with its holes, and the pieces that come next from the source. */
  readonly size: number;
  readonly extents: readonly Extent[];
  readonly device: { readonly major: number; readonly minor: number };
  readonly xattrs: ReadonlyMap<string, Buffer>;
}

/** What stands before a header and changes it. */
interface Extensions {
  overrides?: Overrides;
  longName?: string;
  longLink?: string;
}

const TYPES: ReadonlyMap<string, EntryType> = new Map([
  ['0', 'file'],
  ['\0', 'file'],
  ['7', 'file'],
  ['S', 'file'],
  ['1', 'link'],
  ['2', 'symlink'],
  ['3', 'character'],
  ['4', 'block'],
  ['5', 'directory'],
  ['6', 'fifo'],
]);

const ID_MAX = 0xffff_fffe;

/**
 * Reads a tar strictly: whatever two readers might understand differently is refused.
 *
 * While an entry is looked at, its data is read from the same source; what is left of it is passed over.
 */
export async function* readTar(source: Source, limits: LayerLimits): AsyncGenerator<TarEntry> {
  let extensions: Extensions = {};
  for (let count = 1; ; count += 1) {
    const block = await source.take(BLOCK_BYTES);
    if (block.length < BLOCK_BYTES) throw refusal('the tar ends without two blocks of zeros');
    if (isZero(block)) {
      if (Object.keys(extensions).length > 0) throw refusal('the tar ends after an extended header');
      return await readTrailer(source);
    }
    if (count > limits.entries) throw refusal(`more than ${limits.entries} entries`);
    const header = parseHeader(block);
    if (/[xgLK]/.test(header.type)) {
      extensions = await readExtension({ header, extensions, source, limits });
      continue;
    }
    const { entry, end } = await readEntry({ header, extensions, source, limits });
    extensions = {};
    yield entry;
    await skip(source, padded(end) - source.position());
  }
}

/** What an entry or an extension is read from. */
interface Input {
  readonly header: Header;
  readonly extensions: Extensions;
  readonly source: Source;
  readonly limits: LayerLimits;
}

/** After a block of zeros there is a second one, and nothing but zeros then. */
async function readTrailer(source: Source): Promise<void> {
  const second = await source.take(BLOCK_BYTES);
  if (second.length < BLOCK_BYTES) throw refusal('the tar ends without two blocks of zeros');
  let block = second;
  while (block.length > 0) {
    if (!isZero(block)) throw refusal('data behind the end of the tar');
    block = await source.take(64 * BLOCK_BYTES);
  }
}

async function readExtension({ header, extensions, source, limits }: Input): Promise<Extensions> {
  if (header.size > limits.extensionBytes)
    throw refusal(`an extended header of more than ${limits.extensionBytes} bytes`);
  const bytes = await source.take(header.size);
  if (bytes.length < header.size) throw refusal('the tar ends within an extended header');
  await skip(source, padded(header.size) - header.size);
  if (header.type === 'g') {
    checkGlobal(bytes);
    return extensions;
  }
  const key = header.type === 'x' ? 'overrides' : header.type === 'L' ? 'longName' : 'longLink';
  if (extensions[key] !== undefined) throw refusal(`two extended headers of type ${header.type} before an entry`);
  if (key === 'overrides') return { ...extensions, overrides: parseOverrides(bytes, limits) };
  const name = stringOf(bytes);
  // Some readers take it up to the NUL and some as long as it says it is.
  if (name === '' || name.length + 1 !== bytes.length) throw refusal('malformed long name');
  return { ...extensions, [key]: name };
}

async function readEntry(input: Input): Promise<{ entry: TarEntry; end: number }> {
  const { header, source, limits } = input;
  const overrides: Overrides = input.extensions.overrides ?? { xattrs: new Map(), sparse: [] };
  const name = only('path', input.extensions.longName, overrides.path) ?? header.name;
  const linkname = only('linkpath', input.extensions.longLink, overrides.linkpath) ?? header.linkname;
  const type = typeOf(header, name);
  const stored = overrides.size ?? header.size;
  if (type !== 'file' && stored !== 0) throw refusal(`the ${type} ${quote(name)} has a size`);
  const headerEnd = source.position();
  const map = type === 'file' ? await readSparseMap({ header, overrides, source, limits }) : undefined;
  const mapBytes = source.position() - headerEnd;
  // The blocks of type S are not part of the size, a map of version 1.0 is.
  const end = headerEnd + stored + (header.type === 'S' ? mapBytes : 0);
  if (end > Number.MAX_SAFE_INTEGER - BLOCK_BYTES) throw refusal(`the size of ${quote(name)} is too large`);
  const content: SparseMap = map ?? { size: stored, extents: stored === 0 ? [] : [{ offset: 0, length: stored }] };
  checkSparseMap(content, end - source.position());
  const path = parsePath(content.name ?? name, limits);
  if (path === '.' && type !== 'directory') throw refusal(`the root of the tree is a ${type}`);
  const entry = {
    type,
    path,
    linkname: parseLinkname({ type, path, linkname, limits }),
    mode: header.mode,
    uid: checkId(overrides.uid ?? header.uid, path),
    gid: checkId(overrides.gid ?? header.gid, path),
    mtime: overrides.mtime ?? { seconds: header.mtime, nanoseconds: 0 },
    size: content.size,
    extents: content.extents.filter(({ length }) => length > 0),
    device: { major: header.devmajor, minor: header.devminor },
    xattrs: overrides.xattrs,
  };
  return { entry, end };
}

/** The one of two extensions that is there; both is refused, since readers do not agree on which wins. */
function only(what: string, long: string | undefined, record: string | undefined): string | undefined {
  if (long !== undefined && record !== undefined) throw refusal(`an entry with two extended headers for its ${what}`);
  return long ?? record;
}

function typeOf(header: Header, name: string): EntryType {
  const type = TYPES.get(header.type);
  if (type === undefined) throw refusal(`${quote(name)} is of the unknown type ${quote(header.type)}`);
  if (type === 'directory' || !name.endsWith('/')) return type;
  // Before there was a type for directories, they were files with a slash.
  if (header.type === '\0' && header.size === 0) return 'directory';
  throw refusal(`the ${type} ${quote(name)} has the name of a directory`);
}

interface Link {
  readonly type: EntryType;
  readonly path: string;
  readonly linkname: string;
  readonly limits: LayerLimits;
}

function parseLinkname({ type, path, linkname, limits }: Link): string {
  if (type === 'link') {
    const target = parsePath(linkname, limits);
    if (target === '.' || target === path) throw refusal(`the link ${quote(path)} is to ${quote(linkname)}`);
    return target;
  }
  if (type !== 'symlink') return '';
  if (linkname === '' || linkname.length > limits.pathBytes)
    throw refusal(`malformed target of the link ${quote(path)}`);
  return linkname;
}

function checkId(id: number, path: string): number {
  if (id > ID_MAX) throw refusal(`the owner of ${quote(path)} is above ${ID_MAX}`);
  return id;
}

async function skip(source: Source, length: number): Promise<void> {
  if (!(await source.copy(length, () => undefined))) throw refusal('the tar ends within an entry');
}

function padded(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}
