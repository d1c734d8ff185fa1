// SPDX-License-Identifier: Apache-2.0
import { closeSync } from 'node:fs';
import { EXIT, Failure } from '@rkt/exit';
import { openRegular } from '@rkt/files';
import { parseDockerArchive, parseDockerRepositories, type ArchivedImage } from '@rkt/formats';
import { parseReference, printable, printReference, type LayoutReference } from '@rkt/names';
import { readArchive, type ArchivedFile, type ArchiveFiles } from './archive-files.ts';
import { convertedSource } from './converted.ts';
import type { Source, SourceOptions } from './source.ts';
import { readV1Image } from './v1-archive.ts';

/** An image in what `docker save` writes, or wrote before version 1.10. It becomes an image of OCI, its layers as they are. */
export async function openDockerArchive(reference: LayoutReference, { store }: SourceOptions): Promise<Source> {
  const { path } = reference;
  const fd = openRegular(path);
  if (fd === undefined) throw new Failure(EXIT.notFound, `cannot read "${printable(path)}": no such file`);
  let files: ArchiveFiles | undefined;
  const close = () => {
    files?.close();
    closeSync(fd);
  };
  try {
    files = await readArchive(fd, path, store);
    const { stream } = files;
    return convertedSource({ ...(await readImage(files, reference)), stream, close });
  } catch (error) {
    close();
    throw error;
  }
}

/** The configuration of an image, and the files that are its layers. */
export interface ImageParts {
  readonly config: Buffer;
  readonly layers: readonly ArchivedFile[];
}

async function readImage(files: ArchiveFiles, reference: LayoutReference): Promise<ImageParts> {
  const { path } = reference;
  const manifest = files.find('manifest.json');
  if (manifest !== undefined) {
    const what = `${path}:manifest.json`;
    const images = parseDockerArchive(files.read(manifest, 'manifest.json'), { what: `"${printable(what)}"` });
    const { config, layers } = chooseImage(reference, images);
    return {
      config: files.read(need(files, config, path), config),
      layers: layers.map((name) => need(files, name, path)),
    };
  }
  const repositories = files.find('repositories');
  if (repositories === undefined) {
    throw new Failure(
      EXIT.dataRefused,
      `cannot read "${printable(path)}": it has neither "manifest.json" nor "repositories": wanted an archive of docker save`,
    );
  }
  const what = `"${printable(path)}:repositories"`;
  const found = parseDockerRepositories(files.read(repositories, 'repositories'), { what });
  const images = [...found].map(([id, names]) => ({ config: id, layers: [], names }));
  return readV1Image(files, chooseImage(reference, images).config, path);
}

function need(files: ArchiveFiles, name: string, path: string): ArchivedFile {
  const file = files.find(name);
  if (file !== undefined) return file;
  throw new Failure(EXIT.dataRefused, `cannot read "${printable(path)}": it has no "${printable(name)}"`);
}

/** The image of the name, or the only one if the reference names none. */
function chooseImage(reference: LayoutReference, images: readonly ArchivedImage[]): ArchivedImage {
  const { tag } = reference;
  const wanted = tag === undefined ? undefined : fullName(tag);
  const matching =
    tag === undefined ? images : images.filter(({ names }) => names.some((name) => fullName(name) === wanted));
  const [first, ...more] = matching;
  const names = images.flatMap((image) => image.names.map((name) => `"${printable(name)}"`));
  const some = [...names.slice(0, 5), ...(names.length > 5 ? ['...'] : [])].join(', ');
  const cannot = `cannot find image "${printable(printReference(reference))}"`;
  if (first === undefined) {
    throw new Failure(EXIT.notFound, `${cannot}: no image of this name${some === '' ? '' : `: wanted one of ${some}`}`);
  }
  if (more.length === 0) return first;
  if (tag !== undefined) throw new Failure(EXIT.dataRefused, `${cannot}: ${matching.length} images have this name`);
  throw new Failure(
    EXIT.usage,
    `${cannot}: it has ${images.length} images: wanted docker-archive:FILE:NAME${some === '' ? '' : ` with one of ${some}`}`,
  );
}

/** A name with all that docker lets people leave out, so that `busybox` is `docker.io/library/busybox:latest`. */
function fullName(name: string): string {
  try {
    return printReference(parseReference(`docker://${name}`));
  } catch {
    return name;
  }
}
