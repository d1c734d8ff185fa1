// SPDX-License-Identifier: Apache-2.0
// Docker image specification 1.0: an image is a chain of layers, each with a document that names its parent.
import * as v from 'valibot';
import { EXIT, Failure } from '@rkt/exit';
import { printable, type Digest } from '@rkt/names';
import { parseForeign } from './foreign.ts';
import { type JsonSource } from './json.ts';
import { orNull } from './oci-image.ts';

/** The links of a chain, those without a layer included. */
export const CHAIN_MAX = 1000;

const id = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hex digits'));
const strings = v.record(v.string(), v.string());
const words = orNull(v.array(v.string()));

const v1Image = v.object({
  id,
  parent: orNull(v.union([id, v.literal('')])),
  created: orNull(v.string()),
  author: orNull(v.string()),
  comment: orNull(v.string()),
  architecture: orNull(v.string()),
  os: orNull(v.string()),
  throwaway: orNull(v.boolean()),
  container_config: orNull(v.object({ Cmd: words })),
  config: orNull(
    v.object({
      User: orNull(v.string()),
      ExposedPorts: orNull(v.record(v.string(), v.unknown())),
      Env: words,
      Entrypoint: words,
      Cmd: words,
      Volumes: orNull(v.record(v.string(), v.unknown())),
      WorkingDir: orNull(v.string()),
      Labels: orNull(strings),
      StopSignal: orNull(v.string()),
    }),
  ),
});

/** One link of the chain that an image of version 1 is. */
export type V1Image = v.InferOutput<typeof v1Image>;

/** Reads the document of one link. */
export function parseV1Image(bytes: Uint8Array, source: JsonSource): V1Image {
  return parseForeign(v1Image, bytes, source);
}

/** Refuses links, the top one first, of which one does not name the next as its parent. */
export function checkChain(chain: readonly V1Image[], what: string): void {
  for (const [index, { id: own, parent }] of chain.entries()) {
    const next = chain[index + 1]?.id ?? '';
    if ((parent ?? '') === next) continue;
    throw new Failure(
      EXIT.dataRefused,
      `cannot read ${what}: the parent of "${own}" is "${printable(parent ?? '')}": wanted "${next}"`,
    );
  }
}

/**
 * The configuration of the image whose chain is given, the top link first: what version 1 knows, in the form of OCI.
 * The diffIDs are those of the links that have a layer, the lowest first.
 */
export function printV1Config(chain: readonly V1Image[], diffIds: readonly Digest[]): string {
  const [top] = chain;
  return JSON.stringify({
    created: dateOf(top),
    author: top?.author,
    architecture: top?.architecture || 'amd64',
    os: top?.os || 'linux',
    config: top?.config,
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: chain.toReversed().map((link) => ({
      created: dateOf(link),
      created_by: link.container_config?.Cmd?.join(' '),
      author: link.author,
      comment: link.comment,
      ...(link.throwaway === true && { empty_layer: true }),
    })),
  });
}

/** OCI wants RFC 3339; a date that is none is left out, since nothing depends on it. */
function dateOf(link: V1Image | undefined): string | undefined {
  const { created } = link ?? {};
  return created !== undefined && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.test(created)
    ? created
    : undefined;
}
