// SPDX-License-Identifier: Apache-2.0
// What is where in an image of appc's format: aci.md, "Image Archives".
import { createHash } from 'node:crypto';
import { pathSet } from './path-set.ts';
import { quote, refusal } from './refusal.ts';
import type { Source } from './source.ts';
import type { TarEntry } from './tar/reader.ts';

/** The size of the largest manifest that is read. */
const MANIFEST_BYTES_MAX = 4 * 1024 * 1024;

const ROOT = 'rootfs';

/** Looks at the entries of an ACI one after the other. */
export interface AciLayout {
  /** The entry as it is in the root file system; undefined if it is none of that. Reads the manifest from the source. */
  readonly place: (entry: TarEntry, source: Source) => Promise<TarEntry | undefined>;
  /** The bytes of the manifest. An ACI without one, or without a root file system, is refused. */
  readonly end: () => Buffer;
}

/** Begins an ACI: a tar with nothing but the file `manifest` and the directory `rootfs`, in any order, and nothing twice. */
export function aciLayout(): AciLayout {
  const seen = pathSet();
  let manifest: Buffer | undefined;
  let hasRoot = false;

  async function place(entry: TarEntry, source: Source): Promise<TarEntry | undefined> {
    const { path, type } = entry;
    if (!seen.add(path)) throw refusal(`${quote(path)} is there twice`);
    if (path === '.') return undefined;
    if (path === 'manifest') {
      manifest = await readManifest(entry, source);
      return undefined;
    }
    if (path === ROOT) {
      if (type !== 'directory') throw refusal(`"rootfs" is a ${type}: wanted a directory`);
      hasRoot = true;
    }
    const linkname = type === 'link' ? below(entry.linkname, `the link ${quote(path)} is to`) : entry.linkname;
    return { ...entry, linkname, path: below(path, 'there is') };
  }

  function end(): Buffer {
    if (manifest === undefined) throw refusal('it has no file "manifest"');
    if (!hasRoot) throw refusal('it has no directory "rootfs"');
    return manifest;
  }

  return { place, end };
}

/** A path beneath `rootfs` as it is in the root file system. */
function below(path: string, what: string): string {
  if (path === ROOT) return '.';
  if (path.startsWith(`${ROOT}/`)) return path.slice(ROOT.length + 1);
  throw refusal(`${what} ${quote(path)}: wanted nothing but "manifest" and what lies below "rootfs"`);
}

async function readManifest({ type, size, extents }: TarEntry, source: Source): Promise<Buffer> {
  if (type !== 'file') throw refusal(`"manifest" is a ${type}: wanted a file`);
  if (size > MANIFEST_BYTES_MAX) throw refusal(`"manifest" is larger than ${MANIFEST_BYTES_MAX} bytes`);
  if (extents.reduce((sum, { length }) => sum + length, 0) !== size) throw refusal('"manifest" is a sparse file');
  const bytes = await source.take(size);
  if (bytes.length < size) throw refusal('the tar ends within an entry');
  return Buffer.from(bytes);
}

/** What an ACI must turn out to be, and which of its files are wanted. */
export interface AciExpectation {
  /** `sha512-` and the digits of the digest of the tar. */
  readonly imageId: string;
  /** The digest of the manifest, `sha256:` and its digits. */
  readonly manifest: string;
  /** Absolute paths in UTF-8; a file must be in each of the lists. */
  readonly whitelists: readonly (readonly string[])[];
}

/** True for what the whitelists keep: the paths themselves, and the directories above them. */
export function whitelistFilter(
  whitelists: AciExpectation['whitelists'],
): (entry: Pick<TarEntry, 'path' | 'type'>) => boolean {
  const filters = whitelists.map((whitelist) => {
    const paths = new Set(whitelist.map(pathOf));
    const parents = new Set([...paths].flatMap(parentsOf));
    return ({ path, type }: Pick<TarEntry, 'path' | 'type'>) =>
      path === '.' || paths.has(path) || (type === 'directory' && parents.has(path));
  });
  return (entry) => filters.every((keeps) => keeps(entry));
}

/** An absolute path of a manifest as the tar reader has it: bytes, without slashes at its ends and without `.`. */
function pathOf(path: string): string {
  const bytes = Buffer.from(path, 'utf8').toString('latin1');
  return bytes
    .split('/')
    .filter((component) => component !== '' && component !== '.')
    .join('/');
}

function parentsOf(path: string): string[] {
  const parents: string[] = [];
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1))
    parents.push(path.slice(0, slash));
  return parents;
}

/** Refuses a tar that has not the image id expected; ids are cut in the message, which would be too long for one line. */
export function checkImageId(found: string, { imageId }: AciExpectation): void {
  const short = (id: string) => id.slice(0, 'sha512-'.length + 32);
  if (found !== imageId) throw refusal(`its image id begins with ${short(found)}: wanted ${quote(short(imageId))}`);
}

/** Refuses a manifest that is not the one expected. */
export function checkManifest(manifest: Buffer, { manifest: wanted }: AciExpectation): void {
  const found = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
  if (found !== wanted) throw refusal(`its manifest has the digest ${found}: wanted ${quote(wanted)}`);
}
