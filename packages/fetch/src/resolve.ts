// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import {
  choosePlatform,
  compressionOf,
  DOCUMENT_BYTES_MAX,
  isConfigMediaType,
  parseImageDocument,
  printPlatform,
  type Manifest,
  type Platform,
} from '@rkt/formats';
import { printable, type Digest } from '@rkt/names';
import type { Source, SourceDocument } from './sources/source.ts';

/** The manifest that a reference means on a platform. */
export interface ResolvedImage {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly manifest: Manifest;
  readonly bytes: Buffer;
  /** The index in which it was found, if it was. */
  readonly index: SourceDocument | undefined;
}

/** An index may hold indexes, and no more than that. */
const DEPTH_MAX = 2;

/** The bytes that all blobs of an image may have together. */
const IMAGE_BYTES_MAX = 64 * 1024 ** 3;

/** Finds the manifest for a platform and refuses one that is no image. `image` is the reference, for messages. */
export async function resolveImage(source: Source, platform: Platform, image: string): Promise<ResolvedImage> {
  let found = await source.top();
  let index: SourceDocument | undefined;
  for (let depth = 0; depth <= DEPTH_MAX; depth += 1) {
    const { bytes, digest } = found;
    const document = parseImageDocument(bytes, { what: `manifest "${digest}"`, mediaType: found.mediaType });
    const { mediaType } = document;
    if (document.kind === 'manifest') {
      checkManifest(document.manifest, image);
      return { digest, mediaType, manifest: document.manifest, bytes, index };
    }
    index ??= { ...found, mediaType };
    const chosen = choosePlatform(document.index, platform);
    if (chosen === undefined) {
      const has = document.index.manifests.flatMap((entry) => (entry.platform ? printPlatform(entry.platform) : []));
      throw new Failure(
        EXIT.notFound,
        `cannot fetch "${image}": it has no image for ${printPlatform(platform)}: it has ${printable([...new Set(has)].join(', ')) || 'none'}`,
      );
    }
    if (chosen.size > DOCUMENT_BYTES_MAX) throw tooLarge(image, chosen.digest);
    found = { ...(await source.document(chosen)), mediaType: chosen.mediaType };
    if (found.bytes.byteLength !== chosen.size) {
      throw new Failure(
        EXIT.dataRefused,
        `cannot fetch "${image}": manifest "${chosen.digest}" is not of the size that its index says`,
      );
    }
  }
  throw new Failure(EXIT.dataRefused, `cannot fetch "${image}": its indexes nest deeper than ${DEPTH_MAX} levels`);
}

/** Refuses what cannot become a pod before anything of it is downloaded. */
function checkManifest({ config, layers }: Manifest, image: string): void {
  if (!isConfigMediaType(config.mediaType)) {
    throw new Failure(
      EXIT.dataRefused,
      `cannot fetch "${image}": it is no image: its configuration has the media type "${printable(config.mediaType)}"`,
    );
  }
  if (config.size > DOCUMENT_BYTES_MAX) throw tooLarge(image, config.digest);
  for (const { mediaType } of layers) compressionOf(mediaType);
  const bytes = layers.reduce((sum, { size }) => sum + size, 0);
  if (bytes > IMAGE_BYTES_MAX) {
    throw new Failure(
      EXIT.dataRefused,
      `cannot fetch "${image}": its layers have ${bytes} bytes: at most ${IMAGE_BYTES_MAX} are taken`,
    );
  }
}

function tooLarge(image: string, digest: Digest): Failure {
  return new Failure(
    EXIT.dataRefused,
    `cannot fetch "${image}": "${digest}" is larger than ${DOCUMENT_BYTES_MAX} bytes`,
  );
}
