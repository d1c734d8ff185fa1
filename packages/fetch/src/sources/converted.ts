// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { EXIT, Failure } from '@rkt/exit';
import { MEDIA_TYPE, type Compression, type Descriptor } from '@rkt/formats';
import { parseDigest, type Digest } from '@rkt/names';
import type { Source } from './source.ts';

/** A layer as it is, of the digest that its bytes have. */
export interface ConvertedLayer {
  readonly digest: Digest;
  readonly size: number;
  readonly compression: Compression;
}

/** An image of another form, of which an OCI manifest is made. */
export interface ConvertedImage<Layer extends ConvertedLayer> {
  readonly config: Buffer;
  readonly layers: readonly Layer[];
  readonly stream: (layer: Layer, offset: number) => AsyncIterable<Uint8Array>;
  readonly close: () => void | Promise<void>;
}

const LAYER = { none: 'tar', gzip: 'tar+gzip', zstd: 'tar+zstd' } as const;

/** The source of an image that had another form. Its manifest depends on configuration and layers alone. */
export function convertedSource<Layer extends ConvertedLayer>(image: ConvertedImage<Layer>): Source {
  const { config, layers, stream, close } = image;
  const configDigest = digestOf(config);
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.manifest,
      config: { mediaType: MEDIA_TYPE.config, digest: configDigest, size: config.byteLength },
      layers: layers.map(({ digest, size, compression }) => ({
        mediaType: `application/vnd.oci.image.layer.v1.${LAYER[compression]}`,
        digest,
        size,
      })),
    }),
  );
  const top = { bytes: manifest, digest: digestOf(manifest), mediaType: MEDIA_TYPE.manifest };
  const places = new Map(layers.map((layer) => [layer.digest, layer]));
  const missing = ({ digest }: Pick<Descriptor, 'digest'>) =>
    new Failure(EXIT.bug, `cannot read blob "${digest}": the manifest that was made does not have it`);
  return {
    top: () => Promise.resolve(top),
    document: (descriptor) => Promise.reject(missing(descriptor)),
    blob: (descriptor, offset) => {
      const place = places.get(descriptor.digest);
      if (place !== undefined) return stream(place, offset);
      if (descriptor.digest === configDigest) return once(config.subarray(offset));
      throw missing(descriptor);
    },
    // What somebody signed is not the manifest that was made here.
    referrers: async () => ({ referrers: [], isCut: false }),
    tagged: async () => undefined,
    messages: async () => [],
    close: async () => close(),
  };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function digestOf(bytes: Uint8Array): Digest {
  return parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
}
