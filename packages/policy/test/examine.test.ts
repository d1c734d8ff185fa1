// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { MEDIA_TYPE, printArtifactManifest, SIGNATURE_TYPE } from '@rkt/formats';
import { hexOf, type Digest } from '@rkt/names';
import { Keyring } from '@rkt/pod-fixtures';
import { gatherAttached, makeExaminer, readPolicy, type Examined } from '../src/index.ts';
import { docker, write } from './fixture.ts';
import { addBlob, makeScene, type Scene } from './judging.ts';
import { addBundles, addCosign, keyBundle, makeInstance, makeKey } from './sigstore.ts';

const [ISSUER, SAN] = ['https://issuer.example.com', 'https://example.com/acme/app'];
const PROVENANCE = 'https://slsa.dev/provenance/v1';
const alice = makeKey();
const ring = new Keyring();
after(() => ring[Symbol.dispose]());
const instance = await makeInstance();

/** Examines all that is attached to the image of a scene. */
async function examineAll({ store, image, directories }: Scene, index?: Digest): Promise<Examined[]> {
  const { documents, attached, problems } = gatherAttached(store, { digest: image.digest, index });
  assert.deepEqual(problems, []);
  const name = docker('example.com/app:1');
  const { requirements } = readPolicy({ directories }).rulesFor(name);
  const authorities = requirements.flatMap((one) => ('authorities' in one ? one.authorities : []));
  const examine = await makeExaminer({ documents, name, authorities, nowMs: Date.now() });
  const found: Examined[] = [];
  for (const what of attached) found.push(await examine(what));
  return found;
}

test('makeExaminer() verifies signatures of every kind besides attestations', async (t) => {
  const scene = await makeScene(t);
  const user = 'Alice <alice@example.com>';
  const fingerprint = ring.make(user);
  scene.trust(`root.d/${fingerprint}`, ring.publicKey(user));
  scene.trust(`root.d/${alice.name}`, alice.pem);
  await scene.sign([ring.sign(user, { digest: scene.image.digest, reference: 'example.com/app:1' })]);
  await addCosign(scene.store, scene.image, { privateKey: alice.privateKey, repository: 'example.com/app' });
  await addBundles(scene.store, scene.image, [keyBundle(scene.image.digest, alice.privateKey)]);
  assert.deepEqual(
    (await examineAll(scene)).map(({ what, verified, signer, predicateType }) => [
      what.kind,
      verified,
      signer?.kind,
      predicateType,
    ]),
    [
      ['simple-signing', true, 'pgp', undefined],
      ['cosign', true, 'key', undefined],
      ['bundle', true, 'key', 'https://sigstore.dev/cosign/sign/v1'],
    ],
  );
});

test('makeExaminer() verifies no signature that was made for another name', async (t) => {
  const scene = await makeScene(t);
  scene.trust(`root.d/${alice.name}`, alice.pem);
  await addCosign(scene.store, scene.image, { privateKey: alice.privateKey, repository: 'example.com/other' });
  const [found] = await examineAll(scene);
  assert.deepEqual([found?.verified, found?.reason], [false, 'it is about "example.com/other"']);
});

test('makeExaminer() verifies an identity by its authority, and names one that it cannot verify', async (t) => {
  const scene = await makeScene(t);
  await addBundles(scene.store, scene.image, [await instance.bundle(scene.image.digest, { issuer: ISSUER, san: SAN })]);
  const trustedRoot = write(join(scene.directories.local, 'root.json'), JSON.stringify(instance.root));
  const ask = async (san: string) => {
    scene.trust('root.d/ci.sigstore.json', JSON.stringify({ issuer: ISSUER, san, trustedRoot }));
    const [found] = await examineAll(scene);
    return [found?.verified, found?.signer, found?.signedAt?.source];
  };
  const signer = { kind: 'identity', issuer: ISSUER, san: SAN };
  assert.deepEqual(await ask(SAN), [true, signer, 'log']);
  assert.deepEqual(await ask(`${SAN}.*`), [false, signer, undefined]);
  write(trustedRoot, JSON.stringify((await makeInstance()).root));
  assert.deepEqual(await ask(SAN), [false, signer, undefined]);
});

test('makeExaminer() takes what is attested of the index, if the index lists the image', async (t) => {
  const scene = await makeScene(t);
  scene.trust(`root.d/${alice.name}`, alice.pem);
  const statement = { predicateType: PROVENANCE };
  const index = async (manifests: readonly object[]) => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests }));
    const { digest, size } = await addBlob(scene.store, bytes);
    const subject = { mediaType: MEDIA_TYPE.index, digest, size };
    await addBundles(scene.store, subject, [keyBundle(digest, alice.privateKey, statement)]);
    return digest;
  };
  const listing = await index([scene.image]);
  const found = await examineAll(scene, listing);
  assert.deepEqual(
    found.map(({ verified, subjects, holds }) => [verified, subjects, holds]),
    [[true, [listing], 'provenance']],
  );
  assert.deepEqual(await examineAll(scene, await index([{ ...scene.image, digest: listing }])), []);
});

test('gatherAttached() passes over what is too much, from the largest on, and tells what was swapped', async (t) => {
  const scene = await makeScene(t);
  const add = async (bytes: Buffer) => {
    const { digest, size } = await addBlob(scene.store, bytes);
    const layers = [{ mediaType: 'application/spdx+json', digest, size }];
    const manifest = printArtifactManifest({ artifactType: 'application/spdx+json', subject: scene.image, layers });
    await scene.store.addArtifact({ subject: scene.image.digest, manifest: Buffer.from(manifest), blobs: [] });
  };
  const mebibytes = (count: number) => Buffer.alloc(count * 1024 * 1024, ' ');
  for (const count of [60, 59, 58]) await add(mebibytes(count));
  await addBundles(scene.store, scene.image, [keyBundle(scene.image.digest, alice.privateKey)]);
  const { attached } = gatherAttached(scene.store, scene.image);
  assert.deepEqual(
    attached.map(({ bytes, problem }) => [bytes !== undefined, problem]),
    [
      [false, 'it is more than is looked at'],
      [true, undefined],
      [true, undefined],
      [true, undefined],
    ],
  );
  const [layer] = scene.store.artifacts(scene.image.digest).artifacts.at(-1)?.layers ?? [];
  assert.ok(layer);
  assert.equal(layer.mediaType, SIGNATURE_TYPE.bundle);
  writeFileSync(join(scene.store.dir, 'blobs', 'sha256', hexOf(layer.digest)), 'swapped');
  const [problem] = gatherAttached(scene.store, scene.image)
    .attached.slice(-1)
    .map((one) => one.problem);
  assert.match(problem ?? '', /cannot open blob "sha256:.*its bytes have the digest/);
});
