// SPDX-License-Identifier: Apache-2.0
// An exported app as an image of the OCI with one layer. Loaded for that alone.
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { renameUnsynced } from '@rkt/files';
import { hostPlatform, MEDIA_TYPE } from '@rkt/formats';
import { hexOf, parseDigest, type Digest } from '@rkt/names';
import { openStore } from '@rkt/store';
import type { ExportedApp } from './aci-manifest.ts';

/** A layer that was written: where it is, what it is as it is and as a tar. */
export interface WrittenLayer {
  readonly path: string;
  readonly digest: Digest;
  readonly size: number;
  readonly diffId: Digest;
}

/** Writes a tar to a file as a compressed layer. */
export async function writeLayer(tar: Readable, path: string): Promise<WrittenLayer> {
  const [plain, compressed] = [new Tally(), new Tally()];
  await pipeline(tar, plain, createGzip(), compressed, createWriteStream(path, { flags: 'wx' }));
  return { path, digest: compressed.digest(), size: compressed.size, diffId: plain.digest() };
}

/** Makes the image of the layer in a new directory, which takes the layer, and returns it as an archive of an OCI layout. */
export async function makeImage(directory: string, layer: WrittenLayer, exported: ExportedApp): Promise<Readable> {
  const store = openStore(join(directory, 'layout'), { create: true });
  renameUnsynced(layer.path, join(store.dir, 'blobs', 'sha256', hexOf(layer.digest)));
  const add = (document: object) => {
    const bytes = Buffer.from(JSON.stringify(document));
    const digest = parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
    store.addDocument(digest, bytes);
    return { digest, size: bytes.byteLength };
  };
  const config = { mediaType: MEDIA_TYPE.config, ...add(configOf(exported, layer.diffId)) };
  const layers = [{ mediaType: LAYER, digest: layer.digest, size: layer.size }];
  const { digest } = add({ schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, config, layers });
  return store.exportArchive(digest, exported.app.name);
}

const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

/** How the app was run. Its name is for whoever runs the image to say. */
function configOf({ app, process, createdMs }: ExportedApp, diffId: Digest): object {
  const { user, env, args, cwd } = process;
  return {
    created: new Date(createdMs).toISOString(),
    ...hostPlatform(),
    config: {
      User: `${user.uid}:${user.gid}`,
      Env: env.filter((variable) => !variable.startsWith('AC_APP_NAME=')),
      Entrypoint: args,
      WorkingDir: cwd,
      Labels: app.image.labels,
      StopSignal: app.stopSignal,
    },
    rootfs: { type: 'layers', diff_ids: [diffId] },
  };
}

/** Counts and hashes the bytes that pass. */
class Tally extends Transform {
  readonly #hash = createHash('sha256');
  size = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: (error: null, chunk: Buffer) => void): void {
    this.#hash.update(chunk);
    this.size += chunk.byteLength;
    done(null, chunk);
  }

  digest(): Digest {
    return parseDigest(`sha256:${this.#hash.digest('hex')}`);
  }
}
