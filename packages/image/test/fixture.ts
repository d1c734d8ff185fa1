// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** An image that was put into a store by hand. */
export interface StoredSample {
  readonly id: string;
  readonly config: string;
  readonly layers: readonly string[];
  /** The names of its trees below `layers/`. */
  readonly trees: readonly string[];
}

const hash = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** The path of a blob below rkt's directory. */
export function blobPath(dir: string, digest: string): string {
  return join(dir, 'store', 'blobs', 'sha256', digest.slice('sha256:'.length));
}

/** Writes an image of uncompressed layers into the store below the directory, all its files of the given age. */
export function addImage(
  dir: string,
  name: string | undefined,
  { texts = ['one'], ageMs = 0 }: { texts?: readonly (string | Uint8Array)[]; ageMs?: number } = {},
): StoredSample {
  const store = join(dir, 'store');
  mkdirSync(join(store, 'blobs', 'sha256'), { recursive: true });
  writeFileSync(join(store, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  const time = new Date(Date.now() - ageMs);
  const add = (content: string | Uint8Array, mediaType: string) => {
    const digest = `sha256:${hash(content)}`;
    writeFileSync(blobPath(dir, digest), content);
    utimesSync(blobPath(dir, digest), time, time);
    return { mediaType, digest, size: Buffer.byteLength(content) };
  };
  const layers = texts.map((text) => add(text, 'application/vnd.oci.image.layer.v1.tar'));
  const diffIds = layers.map(({ digest }) => digest);
  const config = add(
    JSON.stringify({
      architecture: process.arch === 'x64' ? 'amd64' : 'arm64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: diffIds },
    }),
    'application/vnd.oci.image.config.v1+json',
  );
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = add(JSON.stringify({ schemaVersion: 2, mediaType, config, layers }), mediaType);
  const annotations = {
    ...(name === undefined ? {} : { 'org.opencontainers.image.ref.name': name }),
    'org.rkt.fetched': '2026-01-02T03:04:05Z',
  };
  writeIndex(store, [...readIndex(store), { ...manifest, annotations }]);
  return { id: manifest.digest, config: config.digest, layers: diffIds, trees: chain(diffIds) };
}

/** The entries of `index.json`. */
export function readIndex(store: string): object[] {
  try {
    return JSON.parse(readFileSync(join(store, 'index.json'), 'utf8')).manifests;
  } catch {
    return [];
  }
}

function writeIndex(store: string, manifests: readonly object[]): void {
  writeFileSync(join(store, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
}

// Written out anew, so that a mistake of the program is not repeated here.
function chain(diffIds: readonly string[]): string[] {
  let last = '';
  return diffIds.map((diffId) => {
    last = last === '' ? diffId : `sha256:${hash(`${last} ${diffId}`)}`;
    return last.slice('sha256:'.length);
  });
}
