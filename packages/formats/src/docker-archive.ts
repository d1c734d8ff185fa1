// SPDX-License-Identifier: Apache-2.0
// The documents at the top of what `docker save` writes, of today and of before version 1.10.
import * as v from 'valibot';
import { parseForeign } from './foreign.ts';
import { type JsonSource } from './json.ts';
import { LAYERS_MAX, orNull } from './oci-image.ts';

/** The images of one archive. */
const IMAGES_MAX = 1000;

const name = v.pipe(v.string(), v.minLength(1), v.maxLength(4096));

const archive = v.pipe(
  v.array(
    v.object({
      Config: name,
      RepoTags: orNull(v.pipe(v.array(name), v.maxLength(IMAGES_MAX))),
      Layers: v.pipe(
        v.nullable(v.pipe(v.array(name), v.maxLength(LAYERS_MAX))),
        v.transform((layers) => layers ?? []),
      ),
    }),
  ),
  v.maxLength(IMAGES_MAX),
);

const repositories = v.record(v.string(), v.record(v.string(), v.string()));

/** One image of an archive: the names of its files in the archive, and its own names. */
export interface ArchivedImage {
  readonly config: string;
  readonly layers: readonly string[];
  readonly names: readonly string[];
}

/** Reads `manifest.json`. */
export function parseDockerArchive(bytes: Uint8Array, source: JsonSource): ArchivedImage[] {
  return parseForeign(archive, bytes, source).map(({ Config, Layers, RepoTags }) => ({
    config: Config,
    layers: Layers,
    names: RepoTags ?? [],
  }));
}

/** Reads `repositories`: for each image, by the id of its top layer, its names. */
export function parseDockerRepositories(bytes: Uint8Array, source: JsonSource): ReadonlyMap<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [repository, tags] of Object.entries(parseForeign(repositories, bytes, source))) {
    for (const [tag, id] of Object.entries(tags)) found.set(id, [...(found.get(id) ?? []), `${repository}:${tag}`]);
  }
  return found;
}
