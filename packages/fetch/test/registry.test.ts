// SPDX-License-Identifier: Apache-2.0
// Against a real registry on loopback, with images that skopeo pushed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { EXIT } from '@rkt/exit';
import { hostPlatform } from '@rkt/formats';
import { openStore } from '@rkt/store';
import { startRegistry, type Registry } from '../../../test/registry.ts';
import { Layout, runFetch, temporaryDirectory } from './fixture.ts';

let registry: Registry;

before(async () => {
  registry = await startRegistry();
});

after(async () => {
  await registry.stop();
});

function setUp(t: TestContext) {
  const dir = temporaryDirectory(t);
  return { dir, layout: new Layout(join(dir, 'layout')), rkt: `--dir=${join(dir, 'rkt')}` };
}

const HTTP = '--insecure-options=http';

const blobGets = (digests: readonly string[], name: string) =>
  registry.requests().filter((line) => digests.some((digest) => line.startsWith(`GET /v2/${name}/blobs/${digest} `)));

async function assertStored(dir: string, image: string, id: string): Promise<void> {
  const store = openStore(join(dir, 'rkt', 'store'));
  assert.ok((await store.verify()).every(({ state }) => state === 'ok'));
  const name = image.replace('docker://', '');
  const inspected: { Digest: string } = JSON.parse(
    execFileSync('skopeo', ['inspect', `oci:${store.dir}:${name}`], { encoding: 'utf8' }),
  );
  assert.equal(inspected.Digest, id);
}

for (const compression of ['gzip', 'zstd', 'none'] as const) {
  test(`rkt-fetch gets an OCI image with layers of compression ${compression}`, async (t) => {
    const { dir, layout, rkt } = setUp(t);
    const { manifest } = await layout.image({ layers: 3, layerBytes: 300_000, compression });
    layout.name(manifest, 'x');
    const image = await registry.push(`oci:${layout.dir}:x`, `kinds/${compression}:v1`);
    const { status, out, err } = await runFetch([rkt, HTTP, '--full', image]);
    assert.equal(status, 0, err);
    assert.equal(out, `${manifest.digest}\n`);
    await assertStored(dir, image, manifest.digest);
  });
}

test('rkt-fetch gets an image of Docker schema 2, byte for byte', async (t) => {
  const { dir, layout, rkt } = setUp(t);
  layout.name((await layout.image()).manifest, 'x');
  const image = await registry.push(`oci:${layout.dir}:x`, 'kinds/docker:v1', { format: 'v2s2' });
  const { out, err } = await runFetch([rkt, HTTP, '--full', '--format=json', image]);
  const [found]: [{ id: string; mediaType: string; layers: { mediaType: string }[] }] = JSON.parse(out);
  assert.equal(found.mediaType, 'application/vnd.docker.distribution.manifest.v2+json', err);
  assert.equal(found.layers[0]?.mediaType, 'application/vnd.docker.image.rootfs.diff.tar.gzip');
  // The store keeps the bytes of the registry; to tools that know no Docker manifests in a layout it shows an OCI form.
  const store = openStore(join(dir, 'rkt', 'store'));
  assert.equal(store.images()[0]?.digest, found.id);
  const copy = join(dir, 'copy.tar');
  const name = image.replace('docker://', '');
  execFileSync('skopeo', ['--insecure-policy', 'copy', '-q', `oci:${store.dir}:${name}`, `oci-archive:${copy}:x`]);
  assert.equal((await runFetch([rkt, '--full', `oci:${store.dir}:${name}`])).out, `${found.id}\n`);
  assert.deepEqual(await store.collect({ olderThanMs: 0, nowMs: Date.now() + 60_000 }), []);
});

test('rkt-fetch gets the image for this machine from an index, by tag and by digest', async (t) => {
  const { layout, rkt, dir } = setUp(t);
  const mine = hostPlatform();
  const [here, there] = [
    await layout.image({ architecture: mine.architecture }),
    await layout.image({ architecture: 'mips' }),
  ];
  const index = layout.blob('application/vnd.oci.image.index.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [
      { ...there.manifest, platform: { os: 'linux', architecture: 'mips' } },
      { ...here.manifest, platform: mine },
    ],
  });
  layout.name(index, 'x');
  const image = await registry.push(`oci:${layout.dir}:x`, 'kinds/index:v1');
  assert.equal((await runFetch([rkt, HTTP, '--full', image])).out, `${here.manifest.digest}\n`);
  const pinned = `${image.replace(/:v1$/, '')}@${index.digest}`;
  assert.equal((await runFetch([rkt, HTTP, '--full', pinned])).out, `${here.manifest.digest}\n`);
  assert.equal((await runFetch([rkt, '--full', '--pull-policy=never', pinned])).out, `${here.manifest.digest}\n`);
  const other = layout.blob('application/vnd.oci.image.index.v1+json', { schemaVersion: 2, manifests: [] });
  const wrong = await runFetch([rkt, HTTP, `${image.replace(/:v1$/, '')}@${other.digest}`]);
  assert.equal(wrong.status, EXIT.notFound, wrong.err);
  await assertStored(dir, image, here.manifest.digest);
});

test('rkt-fetch downloads only what it has not', async (t) => {
  const { layout, rkt } = setUp(t);
  const { manifest, document } = await layout.image({ layers: 2 });
  layout.name(manifest, 'x');
  const image = await registry.push(`oci:${layout.dir}:x`, 'kinds/again:v1');
  const digests = [document.config, ...document.layers].map(({ digest }) => digest);
  await runFetch([rkt, HTTP, image]);
  const earlier = blobGets(digests, 'kinds/again').length;
  assert.equal(earlier, 3);
  assert.equal((await runFetch([rkt, HTTP, '--full', image])).out, `${manifest.digest}\n`);
  assert.equal(blobGets(digests, 'kinds/again').length, earlier);
});

test('rkt-fetch asks the registry for the rest of what a killed fetch left', async (t) => {
  const { dir, layout, rkt } = setUp(t);
  const { manifest, document } = await layout.image({ layerBytes: 100_000, compression: 'none' });
  layout.name(manifest, 'x');
  const image = await registry.push(`oci:${layout.dir}:x`, 'kinds/rest:v1');
  const { digest = '' } = document.layers[0] ?? {};
  openStore(join(dir, 'rkt', 'store'), { create: true });
  const bytes = readFileSync(join(layout.dir, 'blobs', 'sha256', digest.slice(7)));
  writeFileSync(join(dir, 'rkt', 'store', 'partial', digest.slice(7)), bytes.subarray(0, 60_000));
  assert.equal((await runFetch([rkt, HTTP, '--full', image])).out, `${manifest.digest}\n`);
  assert.deepEqual(blobGets([digest], 'kinds/rest'), [`GET /v2/kinds/rest/blobs/${digest} 206`]);
  await assertStored(dir, image, manifest.digest);
});

test('eight fetches of one image at once download each blob once', async (t) => {
  const { dir, layout, rkt } = setUp(t);
  const { manifest, document } = await layout.image({ layers: 4, layerBytes: 2_000_000 });
  layout.name(manifest, 'x');
  const image = await registry.push(`oci:${layout.dir}:x`, 'kinds/many:v1');
  const outcomes = await Promise.all(Array.from({ length: 8 }, () => runFetch([rkt, HTTP, '--full', image])));
  for (const { status, out, err } of outcomes) {
    assert.equal(status, 0, err);
    assert.equal(out, `${manifest.digest}\n`);
  }
  for (const { digest } of [document.config, ...document.layers])
    assert.equal(blobGets([digest], 'kinds/many').length, 1, digest);
  await assertStored(dir, image, manifest.digest);
});

test('rkt-fetch runs as an ordinary user', async (t) => {
  const { dir, layout } = setUp(t);
  const { manifest } = await layout.image();
  layout.name(manifest, 'x');
  const image = await registry.push(`oci:${layout.dir}:x`, 'kinds/user:v1');
  const { status, out, err } = await runFetch([HTTP, '--full', image], {
    unprivileged: true,
    env: { XDG_DATA_HOME: dir },
  });
  assert.equal(status, 0, err);
  assert.equal(out, `${manifest.digest}\n`);
  await assertStored(dir, image, manifest.digest);
});

test('rkt-fetch tells one thing wrong with the image in one line', async (t) => {
  const { rkt, layout } = setUp(t);
  const cases: [string[], number, RegExp][] = [
    [[HTTP, `docker://${registry.host}/none:v1`], EXIT.notFound, /no such image: the registry says "MANIFEST_UNKNOWN/],
    [[`docker://${registry.host}/none:v1`], EXIT.unavailable, /--insecure-options=http/],
    [[HTTP, 'docker://127.0.0.1:1/none:v1'], EXIT.unavailable, /cannot reach "127\.0\.0\.1:1": connection refused/],
  ];
  for (const [args, status, pattern] of cases) {
    const outcome = await runFetch([rkt, ...args]);
    assert.equal(outcome.status, status, outcome.err);
    assert.match(outcome.err.replace(/^.*without encryption\n/m, ''), /^rkt-fetch: cannot [^\n]+\n$/);
    assert.match(outcome.err, pattern);
  }
  layout.name((await layout.image()).manifest, 'x');
});

test('rkt-fetch logs in with a name and password', async (t) => {
  const { layout, rkt } = setUp(t);
  const { manifest } = await layout.image();
  layout.name(manifest, 'x');
  await using basic = await startRegistry({ auth: 'basic' });
  const image = await basic.push(`oci:${layout.dir}:x`, 'a/b:v1');
  const good = await runFetch([rkt, HTTP, '--full', `--authfile=${basic.authFile}`, image]);
  assert.equal(good.out, `${manifest.digest}\n`, good.err);
  const none = await runFetch([rkt, HTTP, image]);
  assert.equal(none.status, EXIT.notPermitted);
  assert.match(none.err, /wants a name and password/);
  const wrong = join(t.name.length > 0 ? layout.dir : '', 'wrong.json');
  const auth = Buffer.from(`${basic.username}:wrong secret`).toString('base64');
  writeFileSync(wrong, JSON.stringify({ auths: { [basic.host]: { auth } } }));
  const refused = await runFetch([rkt, HTTP, `--authfile=${wrong}`, image]);
  assert.equal(refused.status, EXIT.notPermitted);
  assert.match(refused.err, /access denied/);
  assert.ok(!refused.err.includes('secret'));
});

test('rkt-fetch takes credentials from standard input, and no programs', async (t) => {
  const { dir, layout, rkt } = setUp(t);
  const { manifest } = await layout.image();
  layout.name(manifest, 'x');
  await using basic = await startRegistry({ auth: 'basic' });
  const image = await basic.push(`oci:${layout.dir}:x`, 'a/b:v1');
  const input = readFileSync(basic.authFile, 'utf8');
  for (const words of [['--authfile=-'], ['--authfile', '-']]) {
    const { out, err } = await runFetch([rkt, HTTP, '--full', ...words, image], { input });
    assert.equal(out, `${manifest.digest}\n`, err);
  }
  const env = { REGISTRY_AUTH_FILE: '-' };
  const { out, err } = await runFetch([rkt, HTTP, '--full', image], { env, input });
  assert.equal(out, `${manifest.digest}\n`, err);
  assert.equal((await runFetch([rkt, HTTP, image], { env, input: '{}' })).status, EXIT.notPermitted);
  const helper = join(dir, 'docker-credential-made');
  writeFileSync(helper, `#!/bin/sh\ntouch ${dir}/ran\n`, { mode: 0o755 });
  const named = await runFetch([rkt, HTTP, '--authfile=-', image], {
    input: JSON.stringify({ credHelpers: { [basic.host]: 'made' } }),
    env: { PATH: `${dir}:${process.env['PATH'] ?? ''}` },
    unprivileged: true,
  });
  assert.equal(named.status, EXIT.notPermitted);
  assert.match(named.err, /not running docker-credential-made: wanted its file in its usual place, or a file with/);
  assert.ok(!existsSync(join(dir, 'ran')));
  for (const [bad, pattern] of [
    ['{', /cannot read credentials "standard input": /],
    ['x'.repeat(2 ** 20 + 1), /cannot read standard input: it is larger than 1048576 bytes/],
  ] as const) {
    const refused = await runFetch([rkt, HTTP, '--authfile=-', image], { input: bad });
    assert.equal(refused.status, EXIT.configuration, refused.err);
    assert.match(refused.err.replace(/^.*without encryption\n/m, ''), pattern);
  }
});

test('rkt-fetch logs in at a token server, over TLS with an authority of its own', async (t) => {
  const { dir, layout, rkt } = setUp(t);
  const { manifest } = await layout.image({ layers: 3 });
  layout.name(manifest, 'x');
  await using secure = await startRegistry({ auth: 'token', tls: true });
  const image = await secure.push(`oci:${layout.dir}:x`, 'a/b:v1');
  const pushed = secure.scopes().length;
  const authfile = `--authfile=${secure.authFile}`;
  const unknown = await runFetch([rkt, authfile, image]);
  assert.equal(unknown.status, EXIT.unavailable);
  assert.match(unknown.err, /its certificate is refused: .*: wanted one of a known authority/);
  // Allowing plain HTTP does not allow to pass over a bad certificate.
  assert.match((await runFetch([rkt, HTTP, authfile, image])).err, /its certificate is refused/);
  const certificates = join(dir, 'config', 'containers', 'certs.d', secure.host);
  mkdirSync(certificates, { recursive: true });
  copyFileSync(secure.ca ?? '', join(certificates, 'ca.crt'));
  const env = { XDG_CONFIG_HOME: join(dir, 'config'), NODE_EXTRA_CA_CERTS: secure.ca ?? '' };
  const good = await runFetch([rkt, authfile, '--full', image], { env });
  assert.equal(good.out, `${manifest.digest}\n`, good.err);
  assert.deepEqual(secure.scopes().slice(pushed), ['repository:a/b:pull']);
  const careless = await runFetch([`--dir=${join(dir, 'two')}`, '--insecure-options=tls', authfile, '--full', image]);
  assert.equal(careless.out, `${manifest.digest}\n`, careless.err);
  const denied = await runFetch([rkt, image], { env });
  assert.equal(denied.status, EXIT.notPermitted, denied.err);
});

test('rkt-fetch --check repairs the very image that an id names, though its tag means another by now', async (t) => {
  const { dir, layout, rkt } = setUp(t);
  const [old, recent] = [await layout.image(), await layout.image()];
  layout.name(old.manifest, 'old');
  layout.name(recent.manifest, 'recent');
  const image = await registry.push(`oci:${layout.dir}:old`, 'check/moved:v1');
  const id = old.manifest.digest;
  assert.equal((await runFetch([rkt, HTTP, '--full', image])).out, `${id}\n`);
  await registry.push(`oci:${layout.dir}:recent`, 'check/moved:v1');
  const [{ digest: layer } = assert.fail()] = old.document.layers;
  writeFileSync(join(dir, 'rkt', 'store', 'blobs', 'sha256', layer.slice(7)), 'damage');
  const { status, out, err } = await runFetch([rkt, HTTP, '--quiet', '--check', '--full', id]);
  assert.deepEqual([status, out], [0, `${id}\n`], err);
  await assertStored(dir, image, id);
});
