// SPDX-License-Identifier: Apache-2.0
// Images of Docker schema 1, in a real registry beside the same ones of schema 2, and such as no registry would take.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { EXIT } from '@rkt/exit';
import { openStore } from '@rkt/store';
import { startRegistry, type Registry } from '../../../test/registry.ts';
import { writeLayout } from '../../../test/images/layout.ts';
import { tar } from '../../../test/images/tar.ts';
import { runFetch, temporaryDirectory } from './fixture.ts';

let registry: Registry;

before(async () => {
  registry = await startRegistry();
});

after(async () => {
  await registry.stop();
});

function setUp(t: TestContext) {
  const dir = temporaryDirectory(t);
  return {
    dir,
    store: () => openStore(join(dir, 'rkt', 'store')),
    take: (image: string) =>
      runFetch([`--dir=${join(dir, 'rkt')}`, '--quiet', '--full', '--insecure-options=http', image]),
  };
}

const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

test('rkt-fetch makes of an image of schema 1 what its schema 2 is, and takes it by its digest', async (t) => {
  const { dir, store, take } = setUp(t);
  const layout = { dir: join(dir, 'layout') };
  const layers = ['a', 'b', 'c'].map((path) => tar([{ path, content: path }]));
  writeLayout(layout.dir, [{ tag: 'x', layers, config: { Cmd: ['/x'], Env: ['A=b'] } }]);
  const [first, second] = [
    await registry.push(`oci:${layout.dir}:x`, 'kinds/schema:v1', { format: 'v2s1' }),
    await registry.push(`oci:${layout.dir}:x`, 'kinds/schema:v2', { format: 'v2s2' }),
  ];
  const found = await Promise.all(
    [first, second].map(async (image) => {
      const { out, err, status } = await take(image);
      assert.equal(status, 0, err);
      const { digest } = store()
        .images()
        .find((stored) => `${stored.digest}\n` === out)!;
      return { id: digest, err, ...store().readImage(digest) };
    }),
  );
  const [one, two] = found;
  assert.ok(one && two);
  assert.match(one.err, /is of Docker schema 1: making an OCI image of it$/m);
  assert.equal(one.manifest.mediaType, 'application/vnd.oci.image.manifest.v1+json');
  const layersOf = ({ manifest }: typeof one) => manifest.layers.map(({ digest, size }) => ({ digest, size }));
  assert.deepEqual(layersOf(one), layersOf(two));
  assert.deepEqual(one.config.rootfs, two.config.rootfs);
  assert.deepEqual(one.config.config?.Cmd, two.config.config?.Cmd);
  assert.equal(one.config.architecture, two.config.architecture);
  assert.ok((await store().verify()).every(({ state }) => state === 'ok'));
  // The digest of such a manifest is the one of what is inside of its signature, as the registry says.
  const url = first.replace('docker://', '').replace('/', '/v2/').replace(':v1', '/manifests/v1');
  const digest = (await fetch(`http://${url}`)).headers.get('docker-content-digest') ?? '';
  const pinned = await take(first.replace(/:v1$/, `@${digest}`));
  assert.equal(pinned.out, `${one.id}\n`, pinned.err);
  assert.deepEqual(readdirSync(join(dir, 'rkt', 'store', 'partial')), []);
});

const id = (digit: string) => digit.repeat(64);

/** A registry with one image of schema 1, of which anything can be otherwise. */
async function serve(t: TestContext, { layer, sum = sha256(layer) }: { layer: Buffer; sum?: string }) {
  const links = [{ id: id('2'), parent: id('1'), throwaway: true }, { id: id('1') }];
  const manifest = JSON.stringify({
    schemaVersion: 1,
    fsLayers: [{ blobSum: sha256(Buffer.from('not there')) }, { blobSum: sum }],
    history: links.map((link) => ({ v1Compatibility: JSON.stringify(link) })),
  });
  const server = createServer(({ url }, response) => {
    if (url?.includes('/manifests/') === true) response.setHeader('content-type', 'application/json').end(manifest);
    else if (url?.endsWith(sum) === true) response.write(layer, () => response.end());
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  t.after(() => server.closeAllConnections());
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server listens nowhere');
  return `docker://127.0.0.1:${address.port}/old`;
}

const layer = tar([{ path: 'x', content: 'x' }]);

test('rkt-fetch hashes layers of schema 1 in both forms, of whatever size, and leaves out those thrown away', async (t) => {
  const { store, take } = setUp(t);
  const packed = gzipSync(layer);
  const { out, err } = await take(await serve(t, { layer: packed }));
  const [image] = store().images();
  assert.equal(out, `${image?.digest}\n`, err);
  const { manifest, config } = store().readImage(image!.digest);
  assert.deepEqual(manifest.layers, [
    { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: sha256(packed), size: packed.byteLength },
  ]);
  assert.deepEqual(config.rootfs.diff_ids, [sha256(layer)]);
});

test('rkt-fetch refuses layers of schema 1 that are not what they should be', async (t) => {
  const { take, dir } = setUp(t);
  const bomb = gzipSync(Buffer.alloc(150 * 2 ** 20), { level: 9 });
  for (const [served, pattern] of [
    [
      { layer, sum: sha256(Buffer.from('other')) },
      /cannot fetch blob "sha256:\w+": its bytes have the digest "sha256:/,
    ],
    [{ layer: gzipSync(layer).subarray(0, 30) }, /cut short/],
    [{ layer: Buffer.alloc(0) }, /fewer than four bytes/],
    [{ layer: bomb }, /expands to more than 200 times its size/],
    [{ layer: Buffer.from('425a6839314159265359', 'hex') }, /compressed by bzip2/],
  ] as const) {
    const outcome = await take(await serve(t, served));
    assert.equal(outcome.status, EXIT.dataRefused, outcome.err);
    assert.match(outcome.err, pattern);
  }
  assert.deepEqual(readdirSync(join(dir, 'rkt', 'store', 'partial')), []);
});
