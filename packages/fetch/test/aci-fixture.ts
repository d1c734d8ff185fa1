// SPDX-License-Identifier: Apache-2.0
// Images in appc's format, made by hand so that they can be wrong.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { pack, type Header } from 'tar-stream';
import { hostPlatform, platformLabels } from '@rkt/formats';

/** An entry of a tar, and its content. */
export type AciEntry = readonly [header: Partial<Header> & { readonly name: string }, content?: string | Buffer];

export interface AciOptions {
  readonly name?: string;
  readonly version?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Further keys of the manifest. */
  readonly manifest?: object;
  /** The text of the manifest, instead of one that is made. */
  readonly text?: string;
  /** Files below rootfs, by their paths. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
  readonly entries?: readonly AciEntry[];
  readonly compression?: 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz';
}

export interface MadeAci {
  readonly bytes: Buffer;
  readonly imageId: string;
  readonly manifest: string;
}

const mtime = new Date(0);

/** Makes an ACI for this machine. */
export async function makeAci(options: AciOptions = {}): Promise<MadeAci> {
  const { name = 'example.com/app', version, files = {}, entries = [], compression = 'gzip' } = options;
  const labels = {
    ...platformLabels(hostPlatform()),
    ...(version === undefined ? {} : { version }),
    ...options.labels,
  };
  const manifest =
    options.text ??
    JSON.stringify({
      acKind: 'ImageManifest',
      acVersion: '0.8.11',
      name,
      labels: Object.entries(labels).map(([key, value]) => ({ name: key, value })),
      ...options.manifest,
    });
  const all: AciEntry[] = [
    [{ name: 'rootfs', type: 'directory', mode: 0o755 }],
    ...Object.entries(files).map(([path, content]): AciEntry => [{ name: `rootfs/${path}`, mode: 0o755 }, content]),
    ...entries,
    [{ name: 'manifest', mode: 0o644 }, manifest],
  ];
  const tar = await tarOf(all);
  const imageId = `sha512-${createHash('sha512').update(tar).digest('hex')}`;
  return { bytes: compress(tar, compression), imageId, manifest };
}

function compress(tar: Buffer, compression: NonNullable<AciOptions['compression']>): Buffer {
  switch (compression) {
    case 'none':
      return tar;
    case 'gzip':
      return gzipSync(tar);
    case 'zstd':
      return zstdCompressSync(tar);
    case 'bzip2':
    case 'xz':
      return execFileSync(compression, ['-c'], { input: tar });
  }
}

async function tarOf(entries: readonly AciEntry[]): Promise<Buffer> {
  const archive = pack();
  for (const [header, content] of entries) archive.entry({ mtime, ...header }, content ?? '');
  archive.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive) if (chunk instanceof Uint8Array) chunks.push(chunk);
  return Buffer.concat(chunks);
}
