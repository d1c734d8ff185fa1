// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Command } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { exists, renameDurably, temporaryBeside } from '@rkt/files';
import { printable } from '@rkt/names';
import type { Store, StoredImage } from '@rkt/store';
import { findImage, isAci, requireStore } from './images.ts';
import { exportOptions } from './options.ts';

/** rkt-image export: an image as an archive that other tools read. */
export const exportImage: Command<typeof exportOptions> = {
  name: 'rkt-image',
  synopsis: 'rkt-image export [--overwrite] IMAGE FILE',
  summary: 'write an image to an OCI archive',
  options: exportOptions,
  main: async ({ overwrite }, operands, context) => {
    const [text, file, ...more] = operands;
    if (text === undefined || file === undefined || more.length > 0) {
      throw new Failure(EXIT.usage, `cannot use ${operands.length} operands: wanted IMAGE and FILE: try --help`);
    }
    const path = resolve(file);
    if (exists(path) && !overwrite) {
      throw new Failure(EXIT.usage, `cannot write "${printable(path)}": it exists: try --overwrite`);
    }
    const store = requireStore(context);
    const image = findImage(store, text);
    const temporary = temporaryBeside(path);
    try {
      await pipeline(await contentOf(store, image), createWriteStream(temporary, { flags: 'wx', flush: true }));
      renameDurably(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
    return EXIT.ok;
  },
};

/** An archive of an OCI layout; of an image in appc's format the ACI as it was served, which is what is signed. */
async function contentOf(
  store: Store,
  { digest, name }: StoredImage,
): Promise<NodeJS.ReadableStream | AsyncIterable<Uint8Array>> {
  const { manifest } = store.readDocuments(digest);
  const [aci] = manifest.layers;
  if (!isAci(manifest) || aci === undefined) return store.exportArchive(digest, name);
  return hashed(createReadStream('', { fd: store.openBlob(aci) }), aci.digest);
}

/** Bytes that are refused at their end if they are not those of the digest. */
async function* hashed(bytes: AsyncIterable<Uint8Array>, digest: string): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  for await (const chunk of bytes) {
    hash.update(chunk);
    yield chunk;
  }
  if (`sha256:${hash.digest('hex')}` === digest) return;
  throw new Failure(EXIT.dataRefused, `cannot export blob "${digest}": it is damaged: fetch its image again`);
}
