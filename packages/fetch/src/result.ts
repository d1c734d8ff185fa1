// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '@rkt/names';
import type { FetchedImage } from './fetch-image.ts';

/** The short form of an image id, which every command takes: half of its digits. */
export function shortId(id: Digest): string {
  return id.slice(0, 'sha256:'.length + 32);
}

/** The result as JSON: an array with an object per image. */
export function printJson(images: readonly FetchedImage[], pretty: boolean): string {
  const objects = images.map(({ id, name, mediaType, size, manifest }) => ({
    id,
    name,
    mediaType,
    size,
    layers: manifest.layers.map((layer) => ({ digest: layer.digest, mediaType: layer.mediaType, size: layer.size })),
  }));
  return pretty ? JSON.stringify(objects, null, 2) : JSON.stringify(objects);
}
