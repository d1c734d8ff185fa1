// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { MEDIA_TYPE } from '@rkt/formats';
import { isDigest, type Digest } from '@rkt/names';
import { openStore, type BlobSource, type Store } from '../src/index.ts';

export function digestOf(bytes: Uint8Array): Digest {
  const text = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (isDigest(text)) return text;
  throw new Error('no digest');
}

export function descriptorOf(bytes: Uint8Array, mediaType = 'application/octet-stream') {
  return { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
}

/** A source that gives the bytes in pieces and counts how often it was asked. */
export function sourceOf(bytes: Uint8Array, pieceBytes = 7): BlobSource & { offsets: number[] } {
  const offsets: number[] = [];
  async function* source(offset: number): AsyncIterable<Uint8Array> {
    offsets.push(offset);
    for (let at = offset; at < bytes.byteLength; at += pieceBytes) {
      await Promise.resolve();
      yield bytes.subarray(at, at + pieceBytes);
    }
  }
  return Object.assign(source, { offsets });
}

export function temporaryDirectory(context: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'rkt-store-'));
  context.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export function temporaryStore(context: TestContext): Store {
  return openStore(join(temporaryDirectory(context), 'store'), { create: true });
}

/** Goes on as nobody, to whom the directories of the store belong from now on, and to whom modes mean something. */
export function asOrdinaryUser(t: TestContext, dir: string): void {
  if (process.geteuid?.() !== 0) return;
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isDirectory());
  const below = entries.map(({ parentPath, name }) => join(parentPath, name));
  for (const path of [join(dir, '..'), dir, ...below]) chownSync(path, 65534, 65534);
  process.seteuid?.(65534);
  t.after(() => process.seteuid?.(0));
}

export interface Sample {
  readonly manifest: { readonly mediaType: string; readonly digest: Digest; readonly size: number };
  readonly config: { readonly digest: Digest; readonly size: number };
  readonly layers: readonly { readonly digest: Digest; readonly size: number }[];
}

const json = (value: object) => Buffer.from(JSON.stringify(value));

/** Puts an image of made-up layers into the store, without a name. */
export async function addImage(store: Store, ...texts: readonly string[]): Promise<Sample> {
  const add = async (bytes: Buffer, mediaType: string) => {
    const descriptor = descriptorOf(bytes, mediaType);
    await store.addBlob(descriptor, sourceOf(bytes, 4096));
    return descriptor;
  };
  const layers = [];
  for (const text of texts) layers.push(await add(Buffer.from(text), 'application/vnd.oci.image.layer.v1.tar'));
  const rootfs = { type: 'layers', diff_ids: layers.map(({ digest }) => digest) };
  const config = await add(json({ architecture: 'amd64', os: 'linux', rootfs }), MEDIA_TYPE.config);
  const document = { schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, config, layers };
  return { manifest: await add(json(document), MEDIA_TYPE.manifest), config, layers };
}
