// SPDX-License-Identifier: Apache-2.0
// Makes images in appc's format, by hand so that they can be wrong.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { tar, type Entry } from './tar.ts';

/** What is in an ACI. */
export interface AciOptions {
  readonly name?: string;
  readonly version?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Further keys of the manifest. */
  readonly manifest?: object;
  /** The text of the manifest, instead of one that is made. */
  readonly text?: string;
  /** Programs and files below rootfs, by their paths. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
  /** Further members of the archive. */
  readonly entries?: readonly Entry[];
  readonly compression?: 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz';
}

/** An ACI as it is served, and what it is. */
export interface MadeAci {
  readonly bytes: Buffer;
  readonly imageId: string;
  readonly manifest: string;
}

/** The labels of images for this machine. */
export const machineLabels = { arch: process.arch === 'arm64' ? 'aarch64' : 'amd64', os: 'linux' };

/** Makes an ACI for this machine; its manifest is the last member of the archive. */
export function makeAci(options: AciOptions = {}): MadeAci {
  const { name = 'example.com/app', version, files = {}, entries = [], compression = 'gzip' } = options;
  const labels = { ...machineLabels, ...(version === undefined ? {} : { version }), ...options.labels };
  const made = {
    acKind: 'ImageManifest',
    acVersion: '0.8.11',
    name,
    labels: Object.entries(labels).map(([key, value]) => ({ name: key, value })),
    ...options.manifest,
  };
  const manifest = options.text ?? JSON.stringify(made);
  const archive = tar([
    { path: 'rootfs', type: 'directory' },
    ...Object.entries(files).map(([path, content]): Entry => ({ path: `rootfs/${path}`, mode: 0o755, content })),
    ...entries,
    { path: 'manifest', content: manifest },
  ]);
  const imageId = `sha512-${createHash('sha512').update(archive).digest('hex')}`;
  return { bytes: compress(archive, compression), imageId, manifest };
}

function compress(archive: Buffer, compression: NonNullable<AciOptions['compression']>): Buffer {
  switch (compression) {
    case 'none':
      return archive;
    case 'gzip':
      return gzipSync(archive);
    case 'zstd':
      return zstdCompressSync(archive);
    case 'bzip2':
    case 'xz':
      return execFileSync(compression, ['-c'], { input: archive, maxBuffer: 2 ** 28 });
  }
}
