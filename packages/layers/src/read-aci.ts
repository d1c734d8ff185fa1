// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { aciLayout } from './aci.ts';
import { decompressAny, digestOf, newTally, type Compression, type Tally } from './decompress.ts';
import { layerLimits, type LayerLimits } from './limits.ts';
import { refusal } from './refusal.ts';
import { sourceOf } from './source.ts';
import { readTar } from './tar/reader.ts';

/** What an ACI turned out to be. */
export interface AciReading {
  readonly compression: Compression;
  /** Of the file as it was read, and its size. */
  readonly digest: string;
  readonly size: number;
  /** `sha512-` and the digits of the digest of the tar in it, and the size of that. */
  readonly imageId: string;
  readonly tarBytes: number;
  /** The bytes of its manifest, whatever they are. */
  readonly manifest: Buffer;
}

/**
 * Reads an ACI from its first to its last byte, and refuses one that is not as the specification says. Nothing is kept but its manifest.
 *
 * How it is compressed shows in its first bytes: nothing that came with it has to say.
 */
export async function readAci(
  input: AsyncIterable<Uint8Array>,
  limitsGiven: Partial<LayerLimits> = {},
): Promise<AciReading> {
  const limits = { ...layerLimits, ...limitsGiven };
  const compressed = newTally();
  const uncompressed = aciTally();
  const { compression, tar } = await decompressAny({ blob: input, limits, compressed, uncompressed });
  const source = sourceOf(tar);
  const layout = aciLayout();
  let fileBytes = 0;
  for await (const entry of readTar(source, limits)) {
    fileBytes += entry.size;
    if (fileBytes > limits.uncompressedBytes)
      throw refusal(`its files have more than ${limits.uncompressedBytes} bytes`);
    await layout.place(entry, source);
  }
  return {
    manifest: layout.end(),
    compression,
    digest: digestOf(compressed),
    size: compressed.bytes,
    imageId: imageIdOf(uncompressed),
    tarBytes: uncompressed.bytes,
  };
}

/** A tally for the tar of an ACI, whose image id is by SHA-512. */
export function aciTally(): Tally {
  return { hash: createHash('sha512'), bytes: 0 };
}

/** The image id of the tar that the tally has seen; it can see nothing more. */
export function imageIdOf({ hash }: Tally): string {
  return `sha512-${hash.digest('hex')}`;
}
