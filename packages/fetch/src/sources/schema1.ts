// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { parseSchema1, printV1Config, type Compression } from '@rkt/formats';
import { decompress, digestOf, layerLimits, newTally } from '@rkt/layers';
import { parseDigest, type Digest } from '@rkt/names';
import { compressionOf, HEAD_BYTES } from '../compression.ts';
import { openSpool, readPlace, type Spool } from '../spool.ts';
import { convertedSource, type ConvertedLayer } from './converted.ts';
import type { Source, SourceDocument } from './source.ts';

/** Where the layers of an image come from, and where they are kept. */
export interface Schema1Options {
  readonly store: { readonly dir: string };
  readonly download: (digest: Digest) => AsyncIterable<Uint8Array>;
}

interface Layer extends ConvertedLayer {
  readonly offset: number;
  readonly diffId: Digest;
}

/**
 * The image of OCI that an image of Docker schema 1 is. Such a manifest says neither the sizes nor the diffIDs of its layers,
 * so these are downloaded, and hashed in both forms, before there is a manifest.
 */
export async function convertSchema1(document: SourceDocument, options: Schema1Options): Promise<Source> {
  const { chain, layers } = parseSchema1(document.bytes, { what: `manifest "${document.digest}"` });
  const spool = openSpool(options.store);
  try {
    const found = new Map<Digest, Layer>();
    const order: Layer[] = [];
    for (const digest of layers) {
      const layer = found.get(digest) ?? (await download(digest, { spool, pieces: options.download(digest) }));
      found.set(digest, layer);
      order.push(layer);
    }
    const config = printV1Config(
      chain,
      order.map(({ diffId }) => diffId),
    );
    return convertedSource<Layer>({
      config: Buffer.from(config),
      layers: order,
      stream: (layer, offset) => readPlace(spool.fd, layer, offset),
      close: () => spool[Symbol.dispose](),
    });
  } catch (error) {
    spool[Symbol.dispose]();
    throw error;
  }
}

async function download(
  digest: Digest,
  { spool, pieces }: { readonly spool: Spool; readonly pieces: AsyncIterable<Uint8Array> },
): Promise<Layer> {
  const offset = spool.size();
  const [compressed, uncompressed] = [newTally(), newTally()];
  const { compression, blob } = await sniff(pieces, digest);
  const kept = keep(blob, spool);
  const limits = layerLimits;
  for await (const _ of decompress({ blob: kept, compression, limits, compressed, uncompressed }));
  const actual = digestOf(compressed);
  if (actual !== digest) {
    throw new Failure(EXIT.dataRefused, `cannot fetch blob "${digest}": its bytes have the digest "${actual}"`);
  }
  return { digest, size: compressed.bytes, compression, offset, diffId: parseDigest(digestOf(uncompressed)) };
}

/** Looks how a blob is compressed, for nothing says it. */
async function sniff(
  pieces: AsyncIterable<Uint8Array>,
  digest: Digest,
): Promise<{ compression: Compression; blob: AsyncIterable<Uint8Array> }> {
  const source = pieces[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.byteLength < HEAD_BYTES) {
    const next = await source.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  return { compression: compressionOf(head, digest), blob: resume(head, { [Symbol.asyncIterator]: () => source }) };
}

async function* resume(head: Buffer, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head;
  yield* rest;
}

async function* keep(pieces: AsyncIterable<Uint8Array>, spool: Spool): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    spool.write(piece);
    yield piece;
  }
}
