// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { EXIT, Failure } from '@rkt/exit';
import { MEDIA_TYPE, printArtifactManifest, SIGNATURE_TYPE } from '@rkt/formats';
import { hexOf, type Digest } from '@rkt/names';
import { INDEX, openStore, type AddedArtifact, type Store } from '../src/index.ts';
import { addImage, descriptorOf, digestOf, sourceOf, temporaryStore } from './fixture.ts';

const WEEK_MS = 7 * 24 * 3600 * 1000;
const json = (value: object) => Buffer.from(JSON.stringify(value));
const fileOf = (store: Store, subject: Digest) => join(store.dir, 'referrers', 'sha256', `${hexOf(subject)}.json`);
const blobOf = (store: Store, digest: Digest) => join(store.dir, 'blobs', 'sha256', hexOf(digest));

function signature(subject: { mediaType: string; digest: Digest; size: number }, text: string): AddedArtifact {
  const bytes = Buffer.from(text);
  const layers = [descriptorOf(bytes, SIGNATURE_TYPE.simpleSigningLayer)];
  const manifest = printArtifactManifest({ artifactType: SIGNATURE_TYPE.simpleSigning, subject, layers });
  return { subject: subject.digest, manifest: Buffer.from(manifest), blobs: [bytes] };
}

const refused =
  (status: number, pattern: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.status, status, error.message);
    assert.match(error.message, pattern);
    return true;
  };

test('artifacts() lists what addArtifact() kept, once however often it was added', async (t) => {
  const store = temporaryStore(t);
  const { manifest } = await addImage(store, 'layer');
  assert.deepEqual(store.artifacts(manifest.digest), { artifacts: [], problems: [] });
  const added = signature(manifest, 'signed');
  const digest = await store.addArtifact(added);
  assert.equal(await store.addArtifact(added), digest);
  await store.addArtifact(signature(manifest, 'signed too'));
  const { artifacts, problems } = store.artifacts(manifest.digest);
  assert.deepEqual(problems, []);
  assert.deepEqual(
    artifacts.map(({ artifactType }) => artifactType),
    [SIGNATURE_TYPE.simpleSigning, SIGNATURE_TYPE.simpleSigning],
  );
  assert.equal(artifacts[0]?.digest, digest);
  const [layer] = artifacts[0].layers;
  assert.ok(layer);
  assert.equal(store.readBlob(layer.digest).toString(), 'signed');
  const index = JSON.parse(readFileSync(fileOf(store, manifest.digest), 'utf8'));
  assert.equal(index.mediaType, MEDIA_TYPE.index);
  assert.equal(index.manifests[0].artifactType, SIGNATURE_TYPE.simpleSigning);
});

test('addArtifact() lets a group write where it may write in the store', async (t) => {
  const store = temporaryStore(t);
  chmodSync(store.dir, 0o2775);
  const { manifest } = await addImage(store, 'layer');
  await store.addArtifact(signature(manifest, 'signed'));
  for (const path of ['referrers', 'referrers/sha256'])
    assert.equal(statSync(join(store.dir, path)).mode & 0o7777, 0o2775, path);
});

test('addArtifact() keeps an image of cosign, which names no subject, as it is', async (t) => {
  const store = temporaryStore(t);
  const { manifest: subject } = await addImage(store, 'layer');
  const payload = Buffer.from('payload');
  const layer = {
    ...descriptorOf(payload, SIGNATURE_TYPE.cosign),
    annotations: { 'dev.cosignproject.cosign/signature': 'AA==' },
  };
  const config = json({});
  const bytes = json({
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: descriptorOf(config, MEDIA_TYPE.config),
    layers: [layer],
  });
  const digest = await store.addArtifact({ subject: subject.digest, manifest: bytes, blobs: [payload] });
  const [found] = store.artifacts(subject.digest).artifacts;
  assert.deepEqual([found?.digest, found?.subject, found?.artifactType], [digest, undefined, MEDIA_TYPE.config]);
  assert.deepEqual(found?.layers[0]?.annotations, layer.annotations);
});

test('addArtifact() refuses another subject, none where one is wanted, missing and oversized blobs', async (t) => {
  const store = temporaryStore(t);
  const { manifest } = await addImage(store, 'layer');
  const good = signature(manifest, 'signed');
  const other = { ...good, subject: digestOf(Buffer.from('other')) };
  await assert.rejects(store.addArtifact(other), refused(EXIT.dataRefused, /it has the subject "sha256:.*": wanted/));
  const { subject: _, ...without } = JSON.parse(Buffer.from(good.manifest).toString());
  await assert.rejects(
    store.addArtifact({ ...good, manifest: json(without) }),
    refused(EXIT.dataRefused, /it has no subject/),
  );
  await assert.rejects(store.addArtifact({ ...good, blobs: [] }), refused(EXIT.dataRefused, /was not given/));
  for (const [part, size] of [
    ['layers', 64 * 1024 * 1024],
    ['config', 4 * 1024 * 1024],
  ] as const) {
    const large = { ...(part === 'layers' ? without.layers[0] : without.config), size: size + 1 };
    const oversized = json({ ...without, subject: manifest, [part]: part === 'layers' ? [large] : large });
    await assert.rejects(
      store.addArtifact({ ...good, manifest: oversized }),
      refused(EXIT.dataRefused, new RegExp(`wanted at most ${size}`)),
    );
  }
  assert.deepEqual(store.artifacts(manifest.digest).artifacts, []);
});

test('addArtifact() keeps 64 artifacts of an image and refuses one more', async (t) => {
  const store = temporaryStore(t);
  const { manifest } = await addImage(store, 'layer');
  for (let i = 0; i < 64; i += 1) await store.addArtifact(signature(manifest, `signed ${i}`));
  await assert.rejects(store.addArtifact(signature(manifest, 'one more')), refused(EXIT.dataRefused, /has 64 of them/));
  assert.equal(store.artifacts(manifest.digest).artifacts.length, 64);
});

test('addArtifact() replaces what was kept under the same tag, and nothing else', async (t) => {
  const store = temporaryStore(t);
  const { manifest } = await addImage(store, 'layer');
  const kept = await store.addArtifact(signature(manifest, 'no tag'));
  await store.addArtifact({ ...signature(manifest, 'first'), tag: 'a.sig' });
  const other = await store.addArtifact({ ...signature(manifest, 'other'), tag: 'a.att' });
  const second = await store.addArtifact({ ...signature(manifest, 'second'), tag: 'a.sig' });
  const { artifacts } = store.artifacts(manifest.digest);
  assert.deepEqual(
    artifacts.map(({ digest }) => digest),
    [kept, other, second],
  );
});

test('addArtifact() by many processes at once loses nothing', async (t) => {
  const store = temporaryStore(t);
  const { manifest } = await addImage(store, 'layer');
  const script = `import { openStore } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};
    const { manifest, blobs, subject } = JSON.parse(process.argv[2]);
    await openStore(process.argv[1]).addArtifact({ subject, manifest: Buffer.from(manifest), blobs: blobs.map((b) => Buffer.from(b)) });`;
  const run = promisify(execFile);
  const writers = [1, 2, 3, 4].map(async (number) => {
    const { subject, manifest: bytes, blobs } = signature(manifest, `signed ${number}`);
    const given = {
      subject,
      manifest: Buffer.from(bytes).toString(),
      blobs: blobs.map((b) => Buffer.from(b).toString()),
    };
    await run(process.execPath, [
      '--conditions=source',
      '--input-type=module',
      '-e',
      script,
      store.dir,
      JSON.stringify(given),
    ]);
  });
  await Promise.all(writers);
  assert.equal(store.artifacts(manifest.digest).artifacts.length, 4);
});

test('artifacts() tells of a damaged artifact and shows the others; a list that is a link is not followed', async (t) => {
  const store = temporaryStore(t);
  const { manifest } = await addImage(store, 'layer');
  const first = await store.addArtifact(signature(manifest, 'one'));
  await store.addArtifact(signature(manifest, 'two'));
  truncateSync(blobOf(store, first), 10);
  const { artifacts, problems } = store.artifacts(manifest.digest);
  assert.equal(artifacts.length, 1);
  assert.match(problems.join('\n'), new RegExp(`^cannot open blob "${first}": [^\n]*$`));
  const other = digestOf(Buffer.from('other'));
  symlinkSync(fileOf(store, manifest.digest), fileOf(store, other));
  assert.deepEqual(store.artifacts(other).artifacts, []);
  assert.match(store.artifacts(other).problems.join(), /not a regular file/);
});

test('artifacts() refuses an artifact that was listed for another image', async (t) => {
  const store = temporaryStore(t);
  const { manifest } = await addImage(store, 'layer');
  await store.addArtifact(signature(manifest, 'one'));
  const other = digestOf(Buffer.from('other'));
  writeFileSync(fileOf(store, other), readFileSync(fileOf(store, manifest.digest)));
  assert.deepEqual(store.artifacts(other).artifacts, []);
  assert.match(store.artifacts(other).problems.join(), /it has the subject/);
});

test('remove() takes what refers to the image along; what refers to another image stays', async (t) => {
  const store = temporaryStore(t);
  const [one, two] = [await addImage(store, 'one'), await addImage(store, 'two')];
  for (const [name, { manifest }] of Object.entries({ one, two })) {
    await store.setReference(name, manifest, {});
    await store.addArtifact(signature(manifest, name));
  }
  assert.ok(await store.remove(one.manifest.digest));
  assert.deepEqual(readdirSync(join(store.dir, 'referrers', 'sha256')), [`${hexOf(two.manifest.digest)}.json`]);
  const removed = await store.collect({ olderThanMs: 0 });
  assert.ok(removed.some(({ digest }) => digest === digestOf(Buffer.from('one'))));
  assert.equal(store.artifacts(two.manifest.digest).artifacts.length, 1);
  assert.equal(store.readBlob(digestOf(Buffer.from('two'))).toString(), 'two');
});

test('collect() keeps what refers to images and their indexes, and removes lists of images that are gone', async (t) => {
  const store = temporaryStore(t);
  const { manifest } = await addImage(store, 'one');
  const index = json({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [manifest] });
  const described = descriptorOf(index, MEDIA_TYPE.index);
  await store.addBlob(described, sourceOf(index));
  await store.setReference('one', manifest, { [INDEX]: described.digest });
  await store.addArtifact(signature(described, 'of the index'));
  await store.addArtifact(signature(manifest, 'of the image'));
  const gone = { ...described, digest: digestOf(Buffer.from('gone')) };
  await store.addArtifact(signature(gone, 'of nothing'));
  const left = join(store.dir, 'referrers', 'sha256', `.${hexOf(manifest.digest)}.json.0123456789ab.tmp`);
  const own = join(store.dir, 'referrers', 'sha256', 'notes');
  for (const path of [left, own]) writeFileSync(path, '');
  assert.deepEqual(await store.collect({ olderThanMs: WEEK_MS }), []);
  await store.collect({ olderThanMs: 0 });
  assert.deepEqual(
    [fileOf(store, gone.digest), left, own].map((path) => existsSync(path)),
    [false, false, true],
  );
  for (const { digest } of [described, manifest]) {
    const [found] = store.artifacts(digest).artifacts;
    assert.ok(found?.layers[0]);
    store.readBlob(found.layers[0].digest);
  }
});

test('collect() goes on when a list of artifacts is damaged', async (t) => {
  const store = temporaryStore(t);
  const { manifest } = await addImage(store, 'one');
  await store.setReference('one', manifest, {});
  await store.addArtifact(signature(manifest, 'signed'));
  writeFileSync(fileOf(store, manifest.digest), 'torn');
  await store.collect({ olderThanMs: 0 });
  assert.equal(openStore(store.dir).images().length, 1);
});

test('addArtifact() does not write through a link in the place of its directory', async (t) => {
  const store = temporaryStore(t);
  const { manifest } = await addImage(store, 'one');
  await store.addArtifact(signature(manifest, 'signed'));
  const elsewhere = join(store.dir, 'elsewhere');
  mkdirSync(elsewhere);
  const other = await addImage(store, 'two');
  symlinkSync(join(elsewhere, 'file'), fileOf(store, other.manifest.digest));
  await assert.rejects(
    store.addArtifact(signature(other.manifest, 'signed')),
    refused(EXIT.dataRefused, /not a regular file/),
  );
  assert.deepEqual(readdirSync(elsewhere), []);
});

test('readBlob() reads a large blob for who says how large it may be', async (t) => {
  const store = temporaryStore(t);
  const { manifest } = await addImage(store, 'layer');
  const bytes = Buffer.alloc(5 * 1024 * 1024, ' ');
  const layers = [descriptorOf(bytes, 'application/spdx+json')];
  const made = printArtifactManifest({ artifactType: 'application/spdx+json', subject: manifest, layers });
  await store.addArtifact({ subject: manifest.digest, manifest: Buffer.from(made), blobs: [bytes] });
  const { problems, artifacts } = store.artifacts(manifest.digest);
  assert.deepEqual([problems, artifacts.length], [[], 1]);
  assert.throws(() => store.readBlob(digestOf(bytes)), refused(EXIT.dataRefused, /larger than 4194304 bytes/));
  assert.ok(store.readBlob(digestOf(bytes), bytes.byteLength).equals(bytes));
});
