// SPDX-License-Identifier: Apache-2.0
// An image in a store with what speaks for it, and the question whether it may be used.
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Readable } from 'node:stream';
import { createHash } from 'node:crypto';
import { MEDIA_TYPE, type Verification } from '@rkt/formats';
import { parseDigest, parseReference, type Digest } from '@rkt/names';
import { addSignatures, type Signed } from '@rkt/pod-fixtures';
import { openStore, type Store } from '@rkt/store';
import { gatherEvidence, imageNameOf, judge, readPolicy, type Question, type TrustDirectories } from '../src/index.ts';
import { trustDirectories, write } from './fixture.ts';

export const NOW = Date.UTC(2026, 5, 1);

/** A place with a store, an image in it, and a trust store. */
export interface Scene {
  readonly directories: TrustDirectories;
  readonly store: Store;
  readonly image: Signed;
  /** Adds signatures of the image, or of something else. */
  readonly sign: (signatures: readonly Uint8Array[], subject?: Signed) => Promise<void>;
  /** Puts a key, or a mask, into the trust store of the administrator. */
  readonly trust: (path: string, content: string | Uint8Array) => string;
  readonly ask: (name?: string, more?: Asked) => Promise<Verification>;
}

/** What else a question is about. */
export interface Asked {
  readonly index?: Digest | undefined;
  readonly policyFile?: string;
  readonly nameIsOurs?: boolean;
  readonly nowMs?: number;
  readonly change?: (question: Question) => Question;
}

const digestOf = (bytes: Uint8Array) => parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);

/** Puts a blob into a store. */
export async function addBlob(store: Store, bytes: Buffer) {
  const descriptor = { digest: digestOf(bytes), size: bytes.byteLength };
  await store.addBlob(descriptor, (offset) => Readable.from([bytes.subarray(offset)]));
  return { ...descriptor, bytes };
}

async function addDocument(store: Store, value: object, mediaType: string): Promise<Signed> {
  const { digest, size } = await addBlob(store, Buffer.from(JSON.stringify(value)));
  return { mediaType, digest, size };
}

/** Makes a place; another `label` is another image. */
export async function makeScene(context: TestContext, label = 'image'): Promise<Scene> {
  const directories = trustDirectories(context);
  const store = openStore(join(directories.local, '..', 'store'), { create: true });
  const image = await addManifest(store, label);
  return {
    directories,
    store,
    image,
    sign: async (signatures, subject = image) => addSignatures(store.dir, subject, signatures),
    trust: (path, content) => write(join(directories.local, 'trustedkeys', path), content),
    ask: async (
      name = 'docker://example.com/app:1',
      { index, policyFile, nameIsOurs = true, nowMs = NOW, change } = {},
    ) => {
      const imageName = imageNameOf(parseReference(name), undefined);
      const question: Question = {
        image: name,
        id: image.digest,
        name: imageName,
        nameIsOurs,
        evidence: gatherEvidence(store, { digest: image.digest, index }),
        rules: readPolicy({ directories, policyFile }).rulesFor(imageName),
        verifier: { version: '2.0.0', uid: 0, host: 'test' },
        nowMs,
      };
      return judge(change?.(question) ?? question);
    },
  };
}

/** An image manifest without layers, which differs by its label. */
export async function addManifest(store: Store, label: string): Promise<Signed> {
  const config = { mediaType: MEDIA_TYPE.config, digest: digestOf(Buffer.from(label)), size: label.length };
  const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, config, layers: [] };
  return addDocument(store, manifest, MEDIA_TYPE.manifest);
}

/** An index of images. */
export async function addIndex(store: Store, manifests: readonly object[]): Promise<Signed> {
  return addDocument(store, { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests }, MEDIA_TYPE.index);
}
