// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createWriteStream } from 'node:fs';
import test from 'node:test';
import { promisify } from 'node:util';
import { EXIT, Failure } from '@rkt/exit';
import { MEDIA_TYPE } from '@rkt/formats';
import { hexOf, parseReference, type Digest } from '@rkt/names';
import { FETCHED, openStore, type Store } from '../src/index.ts';
import { addImage, descriptorOf, sourceOf, temporaryDirectory, temporaryStore } from './fixture.ts';

const blob = (store: Store, digest: Digest) => join(store.dir, 'blobs', 'sha256', hexOf(digest));
const WEEK_MS = 7 * 24 * 3600 * 1000;

const failsWith =
  (status: number, pattern: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.status, status, error.message);
    assert.match(error.message, pattern);
    return true;
  };

test('openStore() refuses a missing directory and one that is no layout', (t) => {
  const dir = temporaryDirectory(t);
  assert.throws(() => openStore(join(dir, 'none')), failsWith(EXIT.notFound, /no such directory/));
  writeFileSync(join(dir, 'index.json'), '{}');
  assert.throws(() => openStore(dir), failsWith(EXIT.dataRefused, /wanted an OCI layout/));
  writeFileSync(join(dir, 'oci-layout'), '{"imageLayoutVersion":"9"}');
  assert.throws(() => openStore(dir), failsWith(EXIT.dataRefused, /layout version "9"/));
});

test('openStore() takes a store whose maker was killed at any step for an empty one', (t) => {
  const dir = temporaryDirectory(t);
  for (const step of ['blobs', 'blobs/sha256', 'partial']) {
    mkdirSync(join(dir, step));
    assert.deepEqual(openStore(dir).images(), []);
  }
  writeFileSync(join(dir, '.oci-layout.0123456789ab.tmp'), '');
  assert.deepEqual(openStore(dir, { create: true }).images(), []);
});

test('openStore() respects the umask and lets nobody else write', (t) => {
  const previous = process.umask(0o002);
  t.after(() => process.umask(previous));
  const store = temporaryStore(t);
  for (const path of ['.', 'blobs', 'blobs/sha256', 'partial', 'oci-layout']) {
    assert.equal(lstatSync(join(store.dir, path)).mode & 0o022, 0, path);
  }
});

test('openStore() lets a group write below where it may write, whatever the umask', (t) => {
  const dir = join(temporaryDirectory(t), 'store');
  mkdirSync(dir);
  chmodSync(dir, 0o2775);
  const umask = process.umask(0o077);
  t.after(() => process.umask(umask));
  const store = openStore(dir, { create: true });
  store.writeRemote({ url: 'https://example.com/a.aci' });
  for (const path of ['blobs', 'blobs/sha256', 'partial', 'remote'])
    assert.equal(statSync(join(dir, path)).mode & 0o7777, 0o2775, path);
});

test('setReference() names an image, find() finds it by name and by id', async (t) => {
  const store = temporaryStore(t);
  const { manifest, config, layers } = await addImage(store, 'one', 'two');
  await store.setReference('example.com/app:v1', manifest, { [FETCHED]: '2026-01-02T03:04:05Z' });
  const found = store.find(parseReference('docker://example.com/app:v1'));
  assert.equal(found.digest, manifest.digest);
  assert.equal(found.fetched, '2026-01-02T03:04:05Z');
  assert.equal(found.size, manifest.size + config.size + layers.reduce((sum, { size }) => sum + size, 0));
  for (const id of [manifest.digest, manifest.digest.slice(0, 39), manifest.digest.slice(0, 15).replace(':', '-')]) {
    assert.equal(store.find(parseReference(id)).digest, manifest.digest);
  }
  assert.equal(store.find(parseReference(`docker://other.example/x@${manifest.digest}`)).digest, manifest.digest);
});

test('find() says which image is not there', (t) => {
  const store = temporaryStore(t);
  const message = /^cannot find image "docker:\/\/docker\.io\/library\/none:latest": not in the store: fetch it first$/;
  assert.throws(() => store.find(parseReference('docker://none')), failsWith(EXIT.notFound, message));
});

test('find() refuses an id prefix of two images', (t) => {
  const store = temporaryStore(t);
  const manifests = ['a', 'b'].map((c) => ({
    mediaType: MEDIA_TYPE.manifest,
    digest: `sha256:${'0'.repeat(40)}${c.repeat(24)}`,
    size: 1,
  }));
  writeFileSync(join(store.dir, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  assert.throws(() => store.find(parseReference(`sha256:${'0'.repeat(32)}`)), failsWith(EXIT.usage, /2 images/));
  assert.ok(store.find(parseReference(`sha256:${'0'.repeat(40)}a`)));
});

test('setReference() moves a name and keeps what others wrote', async (t) => {
  const store = temporaryStore(t);
  const foreign = {
    schemaVersion: 2,
    annotations: { theirs: '1' },
    manifests: [{ mediaType: 'x/y', digest: 'sha512:00', size: 1, later: true }],
  };
  writeFileSync(join(store.dir, 'index.json'), JSON.stringify(foreign));
  const [first, second] = [await addImage(store, 'one'), await addImage(store, 'two')];
  await store.setReference('example.com/app:v1', first.manifest, {});
  await store.setReference('example.com/app:other', first.manifest, {});
  await store.setReference('example.com/app:v1', second.manifest, {});
  const names = store.images().map(({ digest, name }) => `${name} ${digest}`);
  assert.deepEqual(names, [
    `example.com/app:other ${first.manifest.digest}`,
    `example.com/app:v1 ${second.manifest.digest}`,
  ]);
  const raw: unknown = JSON.parse(readFileSync(join(store.dir, 'index.json'), 'utf8'));
  assert.partialDeepStrictEqual(raw, { annotations: { theirs: '1' }, manifests: foreign.manifests });
});

test('setReference() of many processes at once loses no name', async (t) => {
  const store = temporaryStore(t);
  const { manifest } = await addImage(store, 'one');
  const script = `
    import { openStore } from '@rkt/store';
    const [dir, manifest, tag] = process.argv.slice(1);
    for (let i = 0; i < 10; i += 1) await openStore(dir).setReference('a.b/c:' + tag + i, JSON.parse(manifest), {});`;
  const tags = ['w', 'x', 'y', 'z'];
  const flags = ['--conditions=source', '--input-type=module', '-e', script, '--'];
  await Promise.all(
    tags.map((tag) =>
      promisify(execFile)(process.execPath, [...flags, store.dir, JSON.stringify(manifest), tag], {
        cwd: import.meta.dirname,
      }),
    ),
  );
  assert.equal(store.images().length, 40);
});

test('setReference() refuses an image whose blobs were collected meanwhile', async (t) => {
  const store = temporaryStore(t);
  const { manifest, layers } = await addImage(store, 'one');
  rmSync(blob(store, layers[0]!.digest));
  await assert.rejects(store.setReference('a/b:c', manifest, {}), failsWith(EXIT.tryAgain, /removed meanwhile/));
  assert.deepEqual(store.images(), []);
});

test('readImage() hashes what it reads', async (t) => {
  const store = temporaryStore(t);
  const { manifest, config } = await addImage(store, 'one');
  assert.equal(store.readImage(manifest.digest).config.rootfs.diff_ids.length, 1);
  const path = blob(store, config.digest);
  chmodSync(path, 0o644);
  writeFileSync(path, readFileSync(path, 'utf8').replace('amd64', 'amd46'));
  assert.throws(() => store.readImage(manifest.digest), failsWith(EXIT.dataRefused, /cannot open blob ".*its bytes/));
  rmSync(path);
  assert.throws(() => store.readImage(manifest.digest), failsWith(EXIT.notFound, /not in the store/));
});

test('openBlob() opens regular files of the right size only', async (t) => {
  const store = temporaryStore(t);
  const { config } = await addImage(store, 'one');
  closeSync(store.openBlob(config));
  assert.throws(() => store.openBlob({ ...config, size: 1 }), failsWith(EXIT.dataRefused, /wanted 1/));
  const path = blob(store, config.digest);
  rmSync(path);
  assert.throws(() => store.openBlob(config), failsWith(EXIT.notFound, /not in the store$/));
  symlinkSync('/etc/passwd', path);
  assert.throws(
    () => store.openBlob({ ...config, size: statSync('/etc/passwd').size }),
    failsWith(EXIT.dataRefused, /not a regular file/),
  );
  rmSync(path);
  execFileSync('mkfifo', [path]);
  assert.throws(() => store.openBlob(config), failsWith(EXIT.dataRefused, /not a regular file/));
});

test('collect() removes what nothing needs and nobody used lately', async (t) => {
  const store = temporaryStore(t);
  const [kept, dropped] = [await addImage(store, 'shared', 'kept'), await addImage(store, 'shared', 'dropped')];
  await store.setReference('a.b/kept:1', kept.manifest, {});
  await store.setReference('a.b/dropped:1', dropped.manifest, {});
  assert.equal(await store.remove(dropped.manifest.digest), true);
  assert.equal(await store.remove(dropped.manifest.digest), false);
  assert.deepEqual(await store.collect({ olderThanMs: WEEK_MS }), []);
  const keep = [dropped.manifest.digest];
  assert.deepEqual(await store.collect({ olderThanMs: 0, keep, nowMs: Date.now() + 1000 }), []);
  const removed = await store.collect({ olderThanMs: WEEK_MS, nowMs: Date.now() + 2 * WEEK_MS });
  const expected = [dropped.manifest.digest, dropped.config.digest, dropped.layers[1]!.digest];
  assert.deepEqual(removed.map(({ digest }) => String(digest)).toSorted(), expected.toSorted());
  assert.ok((await store.verify()).every(({ state }) => state === 'ok'));
});

test('collect() keeps files from the future and files it does not know', async (t) => {
  const store = temporaryStore(t);
  const { config } = await addImage(store, 'x');
  for (const name of readdirSync(join(store.dir, 'blobs', 'sha256'))) {
    utimesSync(join(store.dir, 'blobs', 'sha256', name), 4e9, 4e9);
  }
  writeFileSync(join(store.dir, 'blobs', 'sha256', 'README'), '');
  writeFileSync(join(store.dir, 'mine.tmp'), '');
  assert.deepEqual(await store.collect({ olderThanMs: 0, nowMs: Date.now() + 1000 }), []);
  assert.ok(store.hasBlob(config));
});

test('collect() removes the leftovers of killed writers but not what is being written', async (t) => {
  const store = temporaryStore(t);
  const bytes = Buffer.from('slow');
  const descriptor = descriptorOf(bytes);
  const hex = 'f'.repeat(64);
  const leftovers = [`partial/${hex}`, `partial/.${hex}.0123456789ab.tmp`, '.index.json.0123456789ab.tmp'].map((name) =>
    join(store.dir, name),
  );
  for (const path of leftovers) writeFileSync(path, 'x');
  const removed: string[] = [];
  async function* slow() {
    removed.push(...(await store.collect({ olderThanMs: 0, nowMs: Date.now() + 60_000 })).map(({ path }) => path));
    yield bytes;
  }
  assert.equal(await store.addBlob(descriptor, slow), 'added');
  assert.deepEqual(removed.toSorted(), leftovers.toSorted());
});

test('verify() tells damaged and missing blobs', async (t) => {
  const store = temporaryStore(t);
  const { manifest, config, layers } = await addImage(store, 'one');
  await store.setReference('a.b/c:d', manifest, {});
  chmodSync(blob(store, layers[0]!.digest), 0o644);
  writeFileSync(blob(store, layers[0]!.digest), 'two');
  rmSync(blob(store, config.digest));
  const states = new Map((await store.verify()).map(({ digest, state }) => [digest, state]));
  assert.deepEqual(
    [manifest.digest, config.digest, layers[0]!.digest].map((digest) => states.get(digest)),
    ['ok', 'missing', 'corrupt'],
  );
  await store.removeBlob(layers[0]!.digest);
  assert.equal(await store.addBlob(layers[0]!, sourceOf(Buffer.from('one'))), 'added');
});

test('exportArchive() gives an archive that skopeo reads, the same for the same image', async (t) => {
  const store = temporaryStore(t);
  const { manifest } = await addImage(store, 'one', 'two'.repeat(100_000));
  const files = ['a.tar', 'b.tar'].map((name) => join(store.dir, '..', name));
  for (const file of files)
    await pipeline(await store.exportArchive(manifest.digest, 'example.com/app:v1'), createWriteStream(file));
  assert.deepEqual(readFileSync(files[0]!), readFileSync(files[1]!));
  const inspected = execFileSync('skopeo', ['inspect', `oci-archive:${files[0]}:example.com/app:v1`], {
    encoding: 'utf8',
  });
  assert.match(inspected, new RegExp(manifest.digest));
});

test('a store of ours is a layout that skopeo reads and writes', async (t) => {
  const store = temporaryStore(t);
  const { manifest } = await addImage(store, 'one');
  await store.setReference('127.0.0.1:5000/app:v1', manifest, {});
  execFileSync('skopeo', [
    '--insecure-policy',
    'copy',
    '-q',
    `oci:${store.dir}:127.0.0.1:5000/app:v1`,
    `oci:${store.dir}:example.com/copy:v2`,
  ]);
  assert.equal(store.find(parseReference('docker://127.0.0.1:5000/app:v1')).digest, manifest.digest);
  assert.ok(store.find(parseReference('docker://example.com/copy:v2')));
});

test('a Docker manifest is kept as it is, and shown and exported in its OCI form', async (t) => {
  const store = temporaryStore(t);
  const sample = await addImage(store, 'one');
  const document = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.dockerManifest,
    config: { ...sample.config, mediaType: MEDIA_TYPE.dockerConfig },
    layers: sample.layers.map((layer) => ({ ...layer, mediaType: 'application/vnd.docker.image.rootfs.diff.tar' })),
  };
  const bytes = Buffer.from(JSON.stringify(document));
  const manifest = descriptorOf(bytes, MEDIA_TYPE.dockerManifest);
  await store.addBlob(manifest, sourceOf(bytes));
  await store.setReference('example.com/app:v1', manifest, {});
  const found = store.find(parseReference('docker://example.com/app:v1'));
  assert.deepEqual([found.digest, found.mediaType], [manifest.digest, MEDIA_TYPE.dockerManifest]);
  execFileSync('skopeo', ['inspect', `oci:${store.dir}:example.com/app:v1`]);
  // The OCI form of it is the manifest from which it was made, and needed.
  assert.deepEqual(await store.collect({ olderThanMs: 0, nowMs: Date.now() + 60_000 }), []);
  assert.ok(store.hasBlob(sample.manifest));
  const file = join(store.dir, '..', 'docker.tar');
  await pipeline(await store.exportArchive(manifest.digest, 'x'), createWriteStream(file));
  execFileSync('skopeo', ['inspect', `oci-archive:${file}:x`]);
  assert.ok(await store.remove(manifest.digest));
  assert.deepEqual(store.images(), []);
});
