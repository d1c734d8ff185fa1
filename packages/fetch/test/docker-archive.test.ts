// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { EXIT, Failure } from '@rkt/exit';
import { openStore } from '@rkt/store';
import { tar, type Entry } from '../../../test/images/tar.ts';
import { readArchive } from '../src/sources/archive-files.ts';
import { Layout, runFetch, temporaryDirectory, type Outcome } from './fixture.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const layerOf = (name: string) => tar([{ path: name, content: Buffer.from(name) }]);
const [lower, upper] = [layerOf('lower'), layerOf('upper')];

function configOf(...layers: readonly Buffer[]): Buffer {
  const diffIds = layers.map((layer) => `sha256:${sha256(layer)}`);
  return json({
    architecture: 'amd64',
    os: 'linux',
    config: { Cmd: ['/x'] },
    rootfs: { type: 'layers', diff_ids: diffIds },
  });
}

/** What docker of today writes: a layout of OCI with a manifest.json beside it. */
function savedToday({ pack = (layer: Buffer) => layer } = {}): Entry[] {
  const config = configOf(lower, upper);
  const blobs = [config, pack(lower), pack(upper)];
  const paths = blobs.map((blob) => `blobs/sha256/${sha256(blob)}`);
  const [Config, ...Layers] = paths;
  return [
    { path: 'blobs/', type: 'directory' },
    ...blobs.map((content, index) => ({ path: paths[index] ?? '', content })),
    { path: 'manifest.json', content: json([{ Config, RepoTags: ['example.com/app:v1'], Layers }]) },
    { path: 'oci-layout', content: json({ imageLayoutVersion: '1.0.0' }) },
  ];
}

const [low, high] = ['1'.repeat(64), '2'.repeat(64)];

/** What docker wrote before version 1.10: no manifest.json. */
function savedThen(changes: { low?: object; high?: object; repositories?: object } = {}): Entry[] {
  const created = '2015-03-01T10:00:00.123456789Z';
  const lowest = { id: low, created, container_config: { Cmd: ['/bin/sh', '-c', '#(nop) ADD'] }, ...changes.low };
  const top = {
    id: high,
    parent: low,
    created,
    author: 'A. U. Thor',
    architecture: 'amd64',
    os: 'linux',
    config: { Env: ['A=b'], Cmd: ['/upper'], Entrypoint: null, Hostname: 'dropped' },
    Size: 5,
    ...changes.high,
  };
  return [
    { path: `${low}/json`, content: json(lowest) },
    { path: `${low}/layer.tar`, content: lower },
    { path: `${low}/VERSION`, content: Buffer.from('1.0') },
    { path: `${high}/json`, content: json(top) },
    { path: `${high}/layer.tar`, content: upper },
    { path: 'repositories', content: json(changes.repositories ?? { 'example.com/app': { v1: high } }) },
  ];
}

function setUp(t: TestContext) {
  const dir = temporaryDirectory(t);
  let count = 0;
  return {
    dir,
    store: () => openStore(join(dir, 'rkt', 'store')),
    save: (content: readonly Entry[] | Buffer, pack: (bytes: Buffer) => Buffer = (bytes) => bytes) => {
      const file = join(dir, `${count++}.tar`);
      writeFileSync(file, pack(content instanceof Uint8Array ? content : tar(content)));
      return file;
    },
    fetch: (...args: string[]) => runFetch([`--dir=${join(dir, 'rkt')}`, '--quiet', '--full', ...args]),
  };
}

interface Config {
  readonly config: object;
  readonly rootfs: { readonly diff_ids: readonly string[] };
  readonly history: readonly object[];
}

/** The image that was fetched, after every blob of the store was hashed. */
async function fetched({ status, out, err }: Outcome, store: ReturnType<typeof openStore>) {
  assert.equal(status, 0, err);
  assert.ok((await store.verify()).every(({ state }) => state === 'ok'));
  const [image] = store.images();
  assert.equal(`${image?.digest}\n`, out);
  const { manifest } = store.readImage(image!.digest);
  const config: Config = JSON.parse(store.readBlob(manifest.config.digest).toString());
  return { manifest, config, name: image?.name };
}

const layerDigests = ({ layers }: { layers: readonly { digest: string }[] }) => layers.map(({ digest }) => digest);

test('rkt-fetch takes an image from what docker save writes today, plain or compressed, with the same id', async (t) => {
  const { save, fetch, store, dir } = setUp(t);
  const plain = save(savedToday());
  const { manifest, name } = await fetched(await fetch(`docker-archive:${plain}`), store());
  assert.equal(name, `docker-archive:${plain}`);
  assert.deepEqual(layerDigests(manifest), [`sha256:${sha256(lower)}`, `sha256:${sha256(upper)}`]);
  assert.equal(manifest.layers[0]?.mediaType, 'application/vnd.oci.image.layer.v1.tar');
  const ids = new Set([(await fetch(`docker-archive:${plain}`)).out]);
  for (const pack of [gzipSync, zstdCompressSync]) {
    const { status, out, err } = await fetch(`docker-archive:${save(savedToday(), pack)}:example.com/app:v1`);
    assert.equal(status, 0, err);
    ids.add(out);
  }
  assert.equal(ids.size, 1);
  assert.deepEqual(readdirSync(join(dir, 'rkt', 'store', 'partial')), []);
});

test('rkt-fetch keeps compressed layers of an archive as they are', async (t) => {
  const { save, fetch, store } = setUp(t);
  const file = save(savedToday({ pack: (bytes) => gzipSync(bytes) }));
  const { manifest } = await fetched(await fetch(`docker-archive:${file}`), store());
  assert.deepEqual(layerDigests(manifest), [`sha256:${sha256(gzipSync(lower))}`, `sha256:${sha256(gzipSync(upper))}`]);
  assert.equal(manifest.layers[0]?.mediaType, 'application/vnd.oci.image.layer.v1.tar+gzip');
});

test('rkt-fetch follows the links that docker made for layers that are there twice', async (t) => {
  const { save, fetch, store } = setUp(t);
  const config = configOf(lower, lower);
  const entries: Entry[] = [
    { path: 'config.json', content: config },
    { path: 'a/layer.tar', type: 'symlink', target: '../b/layer.tar' },
    { path: 'b/layer.tar', content: lower },
    {
      path: 'manifest.json',
      content: json([{ Config: 'config.json', RepoTags: null, Layers: ['a/layer.tar', 'b/layer.tar'] }]),
    },
  ];
  const { manifest } = await fetched(await fetch(`docker-archive:${save(entries)}`), store());
  assert.deepEqual(layerDigests(manifest), Array(2).fill(`sha256:${sha256(lower)}`));
});

test('rkt-fetch makes an image of OCI of the chain that docker wrote before version 1.10', async (t) => {
  const { save, fetch, store } = setUp(t);
  const file = save(savedThen());
  const { manifest, config } = await fetched(await fetch(`docker-archive:${file}:example.com/app:v1`), store());
  assert.deepEqual(layerDigests(manifest), [`sha256:${sha256(lower)}`, `sha256:${sha256(upper)}`]);
  assert.deepEqual(config, {
    created: '2015-03-01T10:00:00.123456789Z',
    author: 'A. U. Thor',
    architecture: 'amd64',
    os: 'linux',
    config: { Env: ['A=b'], Cmd: ['/upper'] },
    rootfs: { type: 'layers', diff_ids: layerDigests(manifest) },
    history: [
      { created: '2015-03-01T10:00:00.123456789Z', created_by: '/bin/sh -c #(nop) ADD' },
      { created: '2015-03-01T10:00:00.123456789Z', author: 'A. U. Thor' },
    ],
  });
});

test('rkt-fetch hashes the tar in a compressed layer of the old form', async (t) => {
  const { save, fetch, store } = setUp(t);
  const entries = savedThen().map((entry) =>
    entry.path === `${high}/layer.tar` ? { ...entry, content: gzipSync(upper) } : entry,
  );
  const { manifest, config } = await fetched(await fetch(`docker-archive:${save(entries)}`), store());
  assert.deepEqual(layerDigests(manifest), [`sha256:${sha256(lower)}`, `sha256:${sha256(gzipSync(upper))}`]);
  assert.deepEqual(config.rootfs.diff_ids, [`sha256:${sha256(lower)}`, `sha256:${sha256(upper)}`]);
});

test('rkt-fetch asks for the name when an archive has several images, and takes names as docker does', async (t) => {
  const { save, fetch, dir } = setUp(t);
  const first = savedToday();
  const [one = '', two = ''] = [configOf(lower), configOf(upper)].map((config) => config.toString());
  const entries: Entry[] = [
    ...first.filter(({ path }) => path !== 'manifest.json'),
    { path: 'one.json', content: Buffer.from(one) },
    { path: 'two.json', content: Buffer.from(two) },
    {
      path: 'manifest.json',
      content: json([
        { Config: 'one.json', RepoTags: ['busybox:latest'], Layers: [`blobs/sha256/${sha256(lower)}`] },
        { Config: 'two.json', RepoTags: ['app:v1', 'app:v2'], Layers: [`blobs/sha256/${sha256(upper)}`] },
      ]),
    },
  ];
  const file = save(entries);
  const several = await fetch(`docker-archive:${file}`);
  assert.equal(several.status, EXIT.usage);
  assert.match(several.err, /it has 2 images: wanted docker-archive:FILE:NAME with one of "busybox:latest", "app:v1"/);
  const none = await fetch(`docker-archive:${file}:app:v3`);
  assert.equal(none.status, EXIT.notFound);
  assert.match(none.err, /no image of this name: wanted one of "busybox:latest", "app:v1", "app:v2"$/m);
  const ids: string[] = [];
  for (const name of ['busybox', 'docker.io/library/busybox:latest', 'app:v1', 'docker.io/library/app:v2']) {
    const { out, err } = await fetch(`docker-archive:${file}:${name}`);
    assert.match(out, /^sha256:/, err);
    ids.push(out);
  }
  assert.deepEqual([ids[0], ids[2]], [ids[1], ids[3]]);
  assert.notEqual(ids[0], ids[2]);
  // The name within an archive never becomes a name of the store.
  const names = openStore(join(dir, 'rkt', 'store')).images();
  assert.ok(names.every(({ name }) => name?.startsWith(`docker-archive:${file}:`)));
});

test('rkt-fetch takes what skopeo writes', async (t) => {
  const { fetch, dir, store } = setUp(t);
  const layout = new Layout(join(dir, 'layout'));
  layout.name((await layout.image({ layers: 3 })).manifest, 'x');
  const file = join(dir, 'skopeo.tar');
  const copy = (from: string, to: string) => execFileSync('skopeo', ['--insecure-policy', 'copy', '-q', from, to]);
  copy(`oci:${layout.dir}:x`, `docker-archive:${file}:example.com/app:v1`);
  const { manifest, config } = await fetched(await fetch(`docker-archive:${file}:example.com/app:v1`), store());
  copy(`docker-archive:${file}`, `oci:${join(dir, 'theirs')}:x`);
  const theirs = await fetch(`oci:${join(dir, 'theirs')}:x`);
  const image = store().readImage(
    store()
      .images()
      .find(({ digest }) => `${digest}\n` === theirs.out)!.digest,
  );
  assert.deepEqual(config.rootfs.diff_ids, image.config.rootfs.diff_ids);
  assert.deepEqual(layerDigests(manifest), config.rootfs.diff_ids);
});

test('rkt-fetch refuses damaged and hostile archives of docker save', async (t) => {
  const { save, fetch, dir } = setUp(t);
  const good = savedToday();
  const manifest = (value: unknown): Entry[] => [{ path: 'manifest.json', content: json(value) }];
  const image = { Config: 'c', RepoTags: [], Layers: ['l'] };
  const whole = tar(savedToday());
  const cases: [string, string, RegExp][] = [
    ['cut', save(whole.subarray(0, 3000)), /it ends within|without two blocks|ends within an entry/],
    ['cut gzip', save(gzipSync(whole).subarray(0, 500)), /cut short/],
    ['empty', save(Buffer.alloc(0)), /ends without two blocks of zeros/],
    ['text', save(Buffer.alloc(2048, 'x')), /cannot read/],
    ['twice', save([...good, ...good]), /has "blobs\/sha256\/[0-9a-f]{64}" twice/],
    ['other', save([{ path: 'x' }]), /neither "manifest\.json" nor "repositories"/],
    ['outside', save([{ path: '../manifest.json', content: json([]) }]), /has a component "\.\."/],
    ['device', save([{ path: 'manifest.json', type: 'fifo' }]), /"manifest\.json" is a device or a fifo/],
    ['link out', save([{ path: 'manifest.json', type: 'symlink', target: '../../etc/passwd' }]), /leads out of it/],
    ['absolute', save([{ path: 'manifest.json', type: 'symlink', target: '/etc/passwd' }]), /leads out of it/],
    ['loop', save([{ path: 'manifest.json', type: 'symlink', target: 'manifest.json' }]), /links nest deeper/],
    ['missing', save(manifest([image])), /it has no "[cl]"/],
    ['none', save(manifest([])), /no image of this name/],
    ['path', save(manifest([{ ...image, Config: '/etc/passwd' }])), /it has no "\/etc\/passwd"/],
    ['json', save(manifest({})), /manifest\.json.*: the document:/],
    ['many', save(manifest([{ ...image, Layers: Array(128).fill('l') }])), /manifest\.json.*: 0\.Layers/],
    ['large', save([{ path: 'manifest.json', content: Buffer.alloc(5_000_000, ' ') }]), /larger than 4194304 bytes/],
    [
      'diffs',
      save([...manifest([image]), { path: 'c', content: configOf() }, { path: 'l' }]),
      /0 diffIDs for 1 layers/,
    ],
    ['own parent', save(savedThen({ low: { parent: high } })), /is its own ancestor/],
    ['no parent', save(savedThen({ low: { parent: '3'.repeat(64) } })), /it has no "3{64}\/json"/],
    ['traversal', save(savedThen({ low: { parent: '../../etc' } })), /parent/],
    ['misnamed', save(savedThen({ low: { id: high } })), /"1{64}\/json" is of "2{64}"/],
    ['xz', save(Buffer.from('fd377a585a0000', 'hex')), /compressed by xz/],
  ];
  for (const [name, file, pattern] of cases) {
    const outcome = await fetch(`docker-archive:${file}`);
    assert.match(outcome.err, /^rkt-fetch: [^\n]+\n$/, name);
    assert.ok(outcome.status === EXIT.dataRefused || outcome.status === EXIT.notFound, `${name} ${outcome.err}`);
    assert.match(outcome.err, pattern, name);
    assert.equal(outcome.out, '', name);
  }
  assert.deepEqual(openStore(join(dir, 'rkt', 'store')).images(), []);
});

test('readArchive finds each file of an archive with its bytes, or refuses the archive', async (t) => {
  const { dir } = setUp(t);
  const good = tar(savedThen());
  const file = join(dir, 'mutated.tar');
  const change = fc.record({ at: fc.nat(good.byteLength - 1), to: fc.nat(255) });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 3 }), fc.boolean(), async (changes, isPacked) => {
      const bytes = Buffer.from(good);
      for (const { at, to } of changes) bytes[at] = to;
      writeFileSync(file, isPacked ? gzipSync(bytes) : bytes);
      const fd = openSync(file, 'r');
      try {
        const files = await readArchive(fd, file, { dir });
        const found = files.find(`${high}/json`);
        if (found !== undefined) assert.equal(`sha256:${sha256(files.read(found, 'json'))}`, found.digest);
        files.close();
      } catch (error) {
        assert.ok(error instanceof Failure, String(error));
        assert.match(error.message, /^cannot read "/);
      } finally {
        closeSync(fd);
      }
    }),
    { numRuns: 100 },
  );
});
