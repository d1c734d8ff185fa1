// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { MEDIA_TYPE, ORIGINAL, parseImageDocument, printOciManifest, printOriginal } from '@rkt/formats';
import { parseDigest } from '@rkt/names';
import { readBlob } from './read.ts';
import { type NamedDescriptor } from './references.ts';

/** What stands in the index for an image. */
export interface Shown {
  readonly descriptor: NamedDescriptor;
  readonly annotations: Readonly<Record<string, string>>;
  /** The bytes of the descriptor's document, if it is one that was made for this. */
  readonly bytes: Buffer | undefined;
}

/** The entry that other tools can read: the image itself, or the OCI form of a Docker manifest with the way back to it. */
export function shownFor(dir: string, original: NamedDescriptor): Shown {
  const { mediaType, digest, size } = original;
  const itself: Shown = { descriptor: { mediaType, digest, size }, annotations: {}, bytes: undefined };
  if (mediaType !== MEDIA_TYPE.dockerManifest) return itself;
  const document = parseImageDocument(readBlob(dir, digest), { what: `manifest "${digest}"`, mediaType });
  if (document.kind === 'index') return itself;
  const bytes = Buffer.from(printOciManifest(document.manifest));
  const shown = parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
  return {
    bytes,
    descriptor: { mediaType: MEDIA_TYPE.manifest, digest: shown, size: bytes.byteLength },
    annotations: { [ORIGINAL]: printOriginal(original) },
  };
}
