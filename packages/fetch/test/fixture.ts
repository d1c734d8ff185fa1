// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { pack } from 'tar-stream';

const BIN = join(import.meta.dirname, '..', 'bin', 'rkt-fetch.ts');

export interface Outcome {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Runs as nobody, unless we are no root ourselves. */
  readonly unprivileged?: boolean;
  /** A program and arguments that run it. */
  readonly by?: readonly string[];
  /** Its standard input. */
  readonly input?: string;
  /** Kills it after this many milliseconds. */
  readonly killAfterMs?: number;
}

/** Runs rkt-fetch from its source. */
export async function runFetch(
  args: readonly string[],
  { env = {}, unprivileged, by = [], input, killAfterMs }: RunOptions = {},
): Promise<Outcome> {
  const own = [process.execPath, '--conditions=source', BIN, ...args];
  const [program = '', ...rest] =
    unprivileged && process.geteuid?.() === 0
      ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', ...own]
      : [...by, ...own];
  const child = spawn(program, rest, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...env },
  });
  // It may end without reading.
  child.stdin.on('error', () => undefined).end(input);
  const texts = { out: '', err: '' };
  child.stdout.on('data', (chunk) => (texts.out += String(chunk)));
  child.stderr.on('data', (chunk) => (texts.err += String(chunk)));
  const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (status, signal) => {
      clearTimeout(timer);
      resolve({ status, signal, ...texts });
    });
  });
}

export function temporaryDirectory(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'rkt-fetch-'));
  chmodSync(dir, 0o777);
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: object;
}

const OCI = 'application/vnd.oci.image';

/** An OCI image layout, written by hand so that it can be wrong. */
export class Layout {
  readonly dir: string;
  readonly entries: object[] = [];

  constructor(dir: string) {
    this.dir = dir;
    mkdirSync(join(dir, 'blobs', 'sha256'), { recursive: true });
    writeFileSync(join(dir, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  }

  blob(mediaType: string, content: Uint8Array | object): Descriptor {
    const bytes = content instanceof Uint8Array ? content : Buffer.from(JSON.stringify(content));
    const digest = digestOf(bytes);
    writeFileSync(join(this.dir, 'blobs', 'sha256', digest.slice(7)), bytes);
    return { mediaType, digest, size: bytes.byteLength };
  }

  /** An image whose layers hold one file of random bytes each. */
  async image({
    layers = 1,
    layerBytes = 1000,
    compression = 'gzip',
    architecture = 'amd64',
  }: ImageOptions = {}): Promise<Image> {
    const made = [];
    for (let index = 0; index < layers; index += 1) {
      const tar = await tarOf(`file-${index}`, randomBytes(layerBytes));
      const bytes = { gzip: gzipSync, zstd: zstdCompressSync, none: (plain: Buffer) => plain }[compression](tar);
      const suffix = compression === 'none' ? '' : `+${compression}`;
      made.push({ diffId: digestOf(tar), descriptor: this.blob(`${OCI}.layer.v1.tar${suffix}`, bytes) });
    }
    const config = this.blob(`${OCI}.config.v1+json`, {
      architecture,
      os: 'linux',
      config: { Cmd: ['/file-0'] },
      rootfs: { type: 'layers', diff_ids: made.map(({ diffId }) => diffId) },
    });
    const document = {
      schemaVersion: 2,
      mediaType: `${OCI}.manifest.v1+json`,
      config,
      layers: made.map(({ descriptor }) => descriptor),
    };
    return { document, manifest: this.blob(document.mediaType, document) };
  }

  /** Enters a manifest or index under a name, and writes the index of the layout. */
  name(descriptor: Descriptor, name?: string): this {
    const annotations = name === undefined ? {} : { annotations: { 'org.opencontainers.image.ref.name': name } };
    this.entries.push({ ...descriptor, ...annotations });
    writeFileSync(join(this.dir, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: this.entries }));
    return this;
  }
}

export interface ImageOptions {
  readonly layers?: number;
  readonly layerBytes?: number;
  readonly compression?: 'gzip' | 'zstd' | 'none';
  readonly architecture?: string;
}

export interface Image {
  readonly document: {
    readonly config: Descriptor;
    readonly layers: readonly Descriptor[];
    readonly mediaType: string;
  };
  readonly manifest: Descriptor;
}

async function tarOf(name: string, content: Buffer): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name, mtime: new Date(0) }, content);
  archive.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive) if (chunk instanceof Uint8Array) chunks.push(chunk);
  return Buffer.concat(chunks);
}
