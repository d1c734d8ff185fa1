// SPDX-License-Identifier: Apache-2.0
import { Writable } from 'node:stream';
import { unpackLayer, type UnpackOptions, type UnpackResult } from '../src/index.ts';
import { parseStream } from './tree-model.ts';

/** The media type of a layer that is not compressed. */
export const TAR = 'application/vnd.oci.image.layer.v1.tar';

/** The tree stream of a layer, and its result. */
export async function collect(
  layer: Buffer | AsyncIterable<Uint8Array>,
  options: Partial<UnpackOptions> = {},
): Promise<{ stream: Buffer; result: UnpackResult }> {
  const chunks: Buffer[] = [];
  const output = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });
  const input = Buffer.isBuffer(layer) ? pieces(layer, 10_000) : layer;
  const result = await unpackLayer(input, output, { mediaType: TAR, ...options });
  return { stream: Buffer.concat(chunks), result };
}

/** The lines of the tree stream between the first and the last, data behind the line it belongs to. */
export async function linesOf(layer: Buffer, options: Partial<UnpackOptions> = {}): Promise<string[]> {
  const { stream } = await collect(layer, options);
  return parseStream(stream)
    .slice(1, -1)
    .map(({ words, data }) => [...words, ...(data === '' ? [] : [data])].join(' '));
}

/** The bytes in pieces of this length. */
export async function* pieces(bytes: Buffer, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}
