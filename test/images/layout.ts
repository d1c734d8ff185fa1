// SPDX-License-Identifier: Apache-2.0
// Writes OCI image layouts from layers that exist as tar archives.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { EPOCH } from './tar.ts';

const OCI = 'application/vnd.oci.image';
const DOCKER = 'application/vnd.docker';

/** What an image runs and how: the `config` object of an OCI image configuration. */
export interface RunConfig {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Volumes?: Readonly<Record<string, object>>;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
}

/** One tagged image of a layout. */
export interface Image {
  readonly tag: string;
  readonly layers: readonly Buffer[];
  readonly config: RunConfig;
  readonly compression?: 'gzip' | 'zstd' | 'none';
  /** The vocabulary of media types; `docker` is schema 2. */
  readonly types?: 'oci' | 'docker';
  /** Put the manifest into an index with one for another architecture before it. */
  readonly index?: true;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** Writes the layout with all images into an existing empty directory. */
export function writeLayout(directory: string, images: readonly Image[]): void {
  mkdirSync(join(directory, 'blobs', 'sha256'), { recursive: true });
  writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  const manifests = images.map((image) => ({
    ...(image.index ? multiArchitecture(directory, image) : writeImage(directory, image)),
    annotations: { 'org.opencontainers.image.ref.name': image.tag },
  }));
  const index = { schemaVersion: 2, mediaType: `${OCI}.index.v1+json`, manifests };
  writeFileSync(join(directory, 'index.json'), JSON.stringify(index));
}

function multiArchitecture(directory: string, image: Image): Descriptor {
  const other = machine() === 'amd64' ? 'arm64' : 'amd64';
  const foreign = writeImage(directory, { ...image, layers: image.layers.slice(0, 1) }, other);
  const native = writeImage(directory, image);
  const platform = (architecture: string) => ({ platform: { os: 'linux', architecture } });
  const docker = image.types === 'docker';
  return writeJson(directory, docker ? `${DOCKER}.distribution.manifest.list.v2+json` : `${OCI}.index.v1+json`, {
    manifests: [
      { ...foreign, ...platform(other) },
      { ...native, ...platform(machine()) },
    ],
  });
}

function writeImage(directory: string, image: Image, architecture: string = machine()): Descriptor {
  const docker = image.types === 'docker';
  const config = writeJson(directory, docker ? `${DOCKER}.container.image.v1+json` : `${OCI}.config.v1+json`, {
    created: new Date(EPOCH * 1000).toISOString(),
    architecture,
    os: 'linux',
    config: image.config,
    rootfs: { type: 'layers', diff_ids: image.layers.map(digestOf) },
    history: image.layers.map((_, index) => ({ created_by: `layer ${index + 1}` })),
  });
  const layers = image.layers.map((layer) => writeLayer(directory, layer, image));
  return writeJson(directory, docker ? `${DOCKER}.distribution.manifest.v2+json` : `${OCI}.manifest.v1+json`, {
    config,
    layers,
  });
}

function writeLayer(directory: string, layer: Buffer, { compression = 'gzip', types }: Image): Descriptor {
  const bytes = compression === 'gzip' ? gzipSync(layer) : compression === 'zstd' ? zstdCompressSync(layer) : layer;
  const suffix = compression === 'none' ? '' : compression;
  const mediaType =
    types === 'docker'
      ? `${DOCKER}.image.rootfs.diff.tar${suffix && `.${suffix}`}`
      : `${OCI}.layer.v1.tar${suffix && `+${suffix}`}`;
  return writeBlob(directory, mediaType, bytes);
}

function writeJson(directory: string, mediaType: string, value: object): Descriptor {
  // A configuration has no version and no media type of its own; manifests and indexes have both.
  const head = mediaType.includes('manifest') || mediaType.includes('index') ? { schemaVersion: 2, mediaType } : {};
  return writeBlob(directory, mediaType, Buffer.from(JSON.stringify({ ...head, ...value })));
}

function writeBlob(directory: string, mediaType: string, bytes: Buffer): Descriptor {
  const digest = digestOf(bytes);
  writeFileSync(join(directory, 'blobs', 'sha256', digest.slice('sha256:'.length)), bytes);
  return { mediaType, digest, size: bytes.length };
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function machine(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}

// layout.ts DIRECTORY TAG CONFIG LAYER...: for recipes written in sh.
if (import.meta.main) {
  const [directory = '', tag = '', config = '', ...layers] = process.argv.slice(2);
  const parsed: RunConfig = JSON.parse(config);
  const image = { tag, config: parsed, layers: layers.map((layer) => readFileSync(layer)) };
  writeLayout(directory, [image]);
}
