// SPDX-License-Identifier: Apache-2.0
import type { FetchedImage } from './fetch-image.ts';

/** The short form of an image id, which every command takes: half of its digits. */
export function shortId(id: FetchedImage['id']): string {
  return id.slice(0, 'sha256:'.length + 32);
}

/** The whole id; of an image in appc's format as rkt has always had it, the first half of its digits. */
export function fullId(id: FetchedImage['id']): string {
  return id.slice(0, 'sha256:'.length + 64);
}

/** The result as JSON: an array with an object per image. */
export function printJson(images: readonly FetchedImage[], pretty: boolean): string {
  const objects = images.map(({ id, name, mediaType, size, manifest }) => ({
    id: fullId(id),
    name,
    mediaType,
    size,
    layers: manifest.layers.map((layer) => ({ digest: layer.digest, mediaType: layer.mediaType, size: layer.size })),
  }));
  return pretty ? JSON.stringify(objects, null, 2) : JSON.stringify(objects);
}
