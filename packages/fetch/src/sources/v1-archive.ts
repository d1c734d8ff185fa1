// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { CHAIN_MAX, parseV1Image, printV1Config, type V1Image } from '@rkt/formats';
import { decompress, digestOf, layerLimits, newTally } from '@rkt/layers';
import { parseDigest, printable, type Digest } from '@rkt/names';
import type { ArchivedFile, ArchiveFiles } from './archive-files.ts';
import type { ImageParts } from './docker-archive.ts';

/** The image whose top layer has this id, in an archive from before version 1.10: each layer is a directory and names its parent. */
export async function readV1Image(files: ArchiveFiles, id: string, path: string): Promise<ImageParts> {
  const chain: V1Image[] = [];
  const layers: ArchivedFile[] = [];
  const seen = new Set<string>();
  for (let next: string | undefined = id; next !== undefined && next !== ''; next = chain.at(-1)?.parent) {
    if (seen.has(next)) throw refused(path, `the layer "${printable(next)}" is its own ancestor`);
    seen.add(next);
    if (seen.size > CHAIN_MAX) throw refused(path, `the image "${printable(id)}" has more than ${CHAIN_MAX} layers`);
    const json = need(files, `${next}/json`, path);
    const link = parseV1Image(files.read(json, `${next}/json`), {
      what: `"${printable(path)}:${printable(next)}/json"`,
    });
    if (link.id !== next) throw refused(path, `"${printable(next)}/json" is of "${link.id}"`);
    chain.push(link);
    if (link.throwaway !== true) layers.unshift(need(files, `${next}/layer.tar`, path));
  }
  const diffIds: Digest[] = [];
  for (const layer of layers) diffIds.push(await diffIdOf(files, layer));
  return { config: Buffer.from(printV1Config(chain, diffIds)), layers };
}

/** The digest of the tar in a layer; these archives have no list of them. */
async function diffIdOf(files: ArchiveFiles, layer: ArchivedFile): Promise<Digest> {
  if (layer.compression === 'none') return layer.digest;
  const uncompressed = newTally();
  const { compression } = layer;
  const blob = files.stream(layer, 0);
  for await (const _ of decompress({ blob, compression, limits: layerLimits, compressed: newTally(), uncompressed }));
  return parseDigest(digestOf(uncompressed));
}

function need(files: ArchiveFiles, name: string, path: string): ArchivedFile {
  const file = files.find(name);
  if (file !== undefined) return file;
  throw refused(path, `it has no "${printable(name)}"`);
}

function refused(path: string, why: string): Failure {
  return new Failure(EXIT.dataRefused, `cannot read "${printable(path)}": ${why}`);
}
