// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { EXIT } from '@rkt/exit';
import { hostPlatform } from '@rkt/formats';
import { openStore } from '@rkt/store';
import { Layout, runFetch, temporaryDirectory, type Outcome } from './fixture.ts';

function setUp(t: TestContext) {
  const dir = temporaryDirectory(t);
  return {
    dir,
    layout: new Layout(join(dir, 'layout')),
    fetch: (...args: string[]) => runFetch([`--dir=${join(dir, 'rkt')}`, ...args]),
    store: () => openStore(join(dir, 'rkt', 'store')),
  };
}

/** One line on stderr that names the program, and nothing on stdout. */
function assertRefused(outcome: Outcome, status: number, pattern: RegExp): void {
  assert.equal(outcome.status, status, outcome.err);
  assert.match(outcome.err, /^rkt-fetch: [^\n]+\n$/);
  assert.match(outcome.err, pattern);
  assert.equal(outcome.out, '');
}

test('rkt-fetch refuses wrong command lines with status 64', async (t) => {
  const { fetch, dir } = setUp(t);
  const cases: [string[], RegExp][] = [
    [[], /must provide at least one image/],
    [['--nonsense', 'oci:x'], /unknown option --nonsense/],
    [['--pull-policy=always', 'oci:x'], /wanted one of new, never, update/],
    [['--platform=linux', 'oci:x'], /cannot parse platform "linux"/],
    [['--insecure-options=everything', 'oci:x'], /cannot use --insecure-options="everything": wanted some of none, /],
    [['Busybox'], /cannot parse image reference "Busybox": wanted docker:\/\//],
    [['docker://h.example/A'], /"A" is not a repository/],
    [['docker://h.example/a@sha256:12'], /wanted @sha256:/],
    [['oci:'], /wanted a path/],
    [['oci:good', 'docker://h.example/a:b c'], /is not a tag/],
  ];
  for (const [args, pattern] of cases) assertRefused(await fetch(...args), EXIT.usage, pattern);
  assert.ok(!existsSync(join(dir, 'rkt')));
});

test('rkt-fetch takes an image from a layout and prints its short id', async (t) => {
  const { fetch, layout, store } = setUp(t);
  const { manifest, document } = await layout.image({ layers: 3 });
  layout.name(manifest, 'v1');
  const { status, out, err } = await fetch(`oci:${layout.dir}:v1`);
  assert.equal(status, 0, err);
  assert.equal(out, `${manifest.digest.slice(0, 39)}\n`);
  assert.equal(err.trim().split('\n').length, 4);
  assert.match(err, new RegExp(`^rkt-fetch: ${document.config.digest.slice(0, 19)} \\d+B done$`, 'm'));
  const [image] = store().images();
  assert.equal(image?.digest, manifest.digest);
  assert.equal(image?.name, `oci:${layout.dir}:v1`);
  assert.ok((await store().verify()).every(({ state }) => state === 'ok'));
});

test('rkt-fetch --quiet says nothing, --full prints whole ids, one line per image', async (t) => {
  const { fetch, layout } = setUp(t);
  const [first, second] = [await layout.image(), await layout.image()];
  layout.name(first.manifest, 'one').name(second.manifest, 'two');
  const { out, err } = await fetch(
    '--quiet',
    '--full',
    `oci:${layout.dir}:one`,
    `oci:${layout.dir}:two`,
    `oci:${layout.dir}:one`,
  );
  assert.equal(err, '');
  assert.equal(out, [first, second, first].map(({ manifest }) => `${manifest.digest}\n`).join(''));
});

test('rkt-fetch --format=json prints an array with what was fetched', async (t) => {
  const { fetch, layout } = setUp(t);
  const { manifest, document } = await layout.image({ layers: 2 });
  layout.name(manifest, 'v1');
  for (const format of ['json', 'json-pretty']) {
    const { out } = await fetch(`--format=${format}`, `oci:${layout.dir}`);
    assert.deepEqual(JSON.parse(out), [
      {
        id: manifest.digest,
        name: `oci:${layout.dir}`,
        mediaType: manifest.mediaType,
        size: [manifest, document.config, ...document.layers].reduce((sum, { size }) => sum + size, 0),
        layers: document.layers,
      },
    ]);
  }
});

test('rkt-fetch takes images from archives, whatever the order of their entries', async (t) => {
  const { fetch, layout, dir } = setUp(t);
  const { manifest } = await layout.image({ layers: 2, layerBytes: 100_000 });
  layout.name(manifest, 'example.com/app:v1');
  const orders = [['blobs', 'index.json', 'oci-layout'], ['oci-layout', 'index.json', 'blobs'], ['.']];
  for (const [index, order] of orders.entries()) {
    const file = join(dir, `${index}.tar`);
    execFileSync('tar', ['--format=pax', '-cf', file, '-C', layout.dir, ...order]);
    const { out, err } = await runFetch([
      `--dir=${join(dir, `rkt${index}`)}`,
      '--full',
      `oci-archive:${file}:example.com/app:v1`,
    ]);
    assert.equal(out, `${manifest.digest}\n`, err);
  }
  // The name within an archive never becomes a name of the store.
  const names = openStore(join(dir, 'rkt0', 'store'))
    .images()
    .map(({ name }) => name);
  assert.deepEqual(names, [`oci-archive:${join(dir, '0.tar')}:example.com/app:v1`]);
  assertRefused(
    await runFetch([`--dir=${join(dir, 'rkt0')}`, '--pull-policy=never', 'docker://example.com/app:v1']),
    EXIT.notFound,
    /not in the store/,
  );
  assertRefused(
    await fetch(`oci-archive:${join(dir, '0.tar')}:other`),
    EXIT.notFound,
    /wanted one of "example\.com\/app:v1"/,
  );
});

test('rkt-fetch refuses damaged and hostile archives', async (t) => {
  const { fetch, layout, dir } = setUp(t);
  const { manifest } = await layout.image({ layerBytes: 50_000 });
  layout.name(manifest);
  const file = (name: string) => join(dir, name);
  execFileSync('tar', ['-cf', file('good.tar'), '-C', layout.dir, '.']);
  execFileSync('gzip', ['-k', file('good.tar')]);
  const good = readFileSync(file('good.tar'));
  writeFileSync(file('cut.tar'), good.subarray(0, 20_000));
  writeFileSync(file('text.tar'), 'x'.repeat(5000));
  writeFileSync(file('empty.tar'), '');
  execFileSync('tar', ['-cf', file('twice.tar'), '-C', layout.dir, '.', 'index.json', '--hard-dereference']);
  execFileSync('tar', ['-cf', file('other.tar'), '-C', '/etc', 'hostname']);
  execFileSync('mkfifo', [file('fifo.tar')]);
  for (const [name, status, pattern] of [
    ['good.tar.gz', EXIT.dataRefused, /compressed by gzip: wanted a plain tar/],
    ['cut.tar', EXIT.dataRefused, /no tar archive, or a damaged one/],
    ['text.tar', EXIT.dataRefused, /no tar archive/],
    ['empty.tar', EXIT.dataRefused, /has no "oci-layout"/],
    ['twice.tar', EXIT.dataRefused, /has "index\.json" twice/],
    ['other.tar', EXIT.dataRefused, /has no "oci-layout"/],
    ['fifo.tar', EXIT.dataRefused, /not a regular file/],
    ['none.tar', EXIT.notFound, /no such file/],
  ] as const) {
    assertRefused(await fetch(`oci-archive:${file(name)}`), status, pattern);
  }
});

test('rkt-fetch chooses the image for the platform from an index', async (t) => {
  const { fetch, layout, store } = setUp(t);
  const mine = hostPlatform();
  const [here, there] = [
    await layout.image({ architecture: mine.architecture }),
    await layout.image({ architecture: 'mips' }),
  ];
  const index = layout.blob('application/vnd.oci.image.index.v1+json', {
    schemaVersion: 2,
    manifests: [
      { ...there.manifest, platform: { os: 'linux', architecture: 'mips' } },
      { ...here.manifest, platform: mine },
    ],
  });
  layout.name(index, 'v1');
  const image = `oci:${layout.dir}:v1`;
  assert.equal((await fetch('--full', image)).out, `${here.manifest.digest}\n`);
  assert.equal(store().images()[0]?.annotations['org.rkt.index'], index.digest);
  assert.equal((await fetch('--full', '--platform=linux/mips', image)).out, `${there.manifest.digest}\n`);
  assertRefused(
    await fetch('--platform=linux/vax', image),
    EXIT.notFound,
    /no image for linux\/vax: it has linux\/mips, linux\//,
  );
});

test('rkt-fetch tells when an image without index is for another machine', async (t) => {
  const { fetch, layout } = setUp(t);
  layout.name((await layout.image({ architecture: 'mips' })).manifest);
  const { status, err } = await fetch(`oci:${layout.dir}`);
  assert.equal(status, 0);
  assert.match(err, /the image is for linux\/mips: wanted linux\//);
});

test('rkt-fetch refuses what is no image before it stores anything', async (t) => {
  const { dir } = setUp(t);
  const zero = `sha256:${'0'.repeat(64)}`;
  const base = new Layout(join(dir, 'base'));
  const { document } = await base.image();
  const { config } = document;
  const [layer = config] = document.layers;
  const cases: [string, object, RegExp][] = [
    [
      'artifact',
      { ...document, config: { ...config, mediaType: 'application/vnd.cncf.helm.config.v1+json' } },
      /it is no image/,
    ],
    [
      'erofs',
      { ...document, layers: [{ ...layer, mediaType: 'application/vnd.erofs.layer.v1' }] },
      /cannot use a layer of media type/,
    ],
    ['confused', { ...document, manifests: [] }, /manifest and an index at once/],
    [
      'traversal',
      { ...document, layers: [{ ...layer, digest: 'sha256:../../../../etc/passwd' }] },
      /layers\.0\.digest/,
    ],
    ['huge', { ...document, layers: [{ ...layer, size: 2 ** 50 }] }, /at most 68719476736/],
    ['huge config', { ...document, config: { ...config, size: 5_000_000 } }, /larger than 4194304/],
    ['diffs', { ...document, layers: [layer, layer] }, /1 diffIDs for 2 layers/],
    ['schema', { ...document, schemaVersion: 1 }, /schemaVersion/],
    [
      'no platform',
      { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] },
      /no image for/,
    ],
    ['missing blob', { ...document, config: { ...config, digest: zero } }, /cannot open blob "sha256:000/],
  ];
  for (const [name, content, pattern] of cases) {
    const layout = new Layout(join(dir, 'base'));
    const { mediaType } = Object.assign({ mediaType: document.mediaType }, content);
    layout.name(layout.blob(mediaType, content));
    const outcome = await runFetch([`--dir=${join(dir, 'rkt')}`, '--quiet', `oci:${layout.dir}`]);
    assert.match(outcome.err, /^rkt-fetch: [^\n]+\n$/, name);
    assert.ok(outcome.status === EXIT.dataRefused || outcome.status === EXIT.notFound, `${name} ${outcome.status}`);
    assert.match(outcome.err, pattern, name);
    assert.deepEqual(openStore(join(dir, 'rkt', 'store')).images(), []);
  }
});

test('rkt-fetch refuses a blob that is not what its digest says, and keeps none of it', async (t) => {
  const { fetch, layout, dir } = setUp(t);
  const { manifest, document } = await layout.image();
  layout.name(manifest);
  const [layer] = document.layers;
  const path = join(layout.dir, 'blobs', 'sha256', layer!.digest.slice(7));
  const bytes = readFileSync(path);
  bytes[20] = (bytes[20] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  assertRefused(
    await fetch('-q', `oci:${layout.dir}`),
    EXIT.dataRefused,
    /cannot store blob ".*its bytes have the digest/,
  );
  writeFileSync(path, bytes.subarray(1));
  assertRefused(await fetch('-q', `oci:${layout.dir}`), EXIT.dataRefused, /wanted \d+/);
  assert.deepEqual(readdirSync(join(dir, 'rkt', 'store', 'partial')), []);
});

test('rkt-fetch obeys the pull policy', async (t) => {
  const { fetch, layout } = setUp(t);
  const [first, second] = [await layout.image(), await layout.image()];
  const image = `oci:${layout.dir}:v1`;
  assertRefused(await fetch('--pull-policy=never', image), EXIT.notFound, /no such directory/);
  layout.name(first.manifest, 'v1');
  const ask = async (policy: string) => (await fetch('-q', '--full', `--pull-policy=${policy}`, image)).out.trim();
  assert.equal(await ask('new'), first.manifest.digest);
  layout.entries.length = 0;
  layout.name(second.manifest, 'v1');
  assert.equal(await ask('new'), first.manifest.digest);
  assert.equal(await ask('never'), first.manifest.digest);
  assert.equal(await ask('update'), second.manifest.digest);
  assert.equal(await ask('never'), second.manifest.digest);
  rmSync(layout.dir, { recursive: true });
  assert.equal(await ask('new'), second.manifest.digest);
});

test('rkt-fetch takes the short id that it prints, and no other', async (t) => {
  const { fetch, layout } = setUp(t);
  const { manifest } = await layout.image();
  layout.name(manifest);
  const { out } = await fetch(`oci:${layout.dir}`);
  assert.equal((await fetch('--full', out.trim())).out, `${manifest.digest}\n`);
  assertRefused(
    await fetch(`sha256:${'0'.repeat(32)}`),
    EXIT.notFound,
    /cannot find image "sha256:0+": not in the store/,
  );
});

test('rkt-fetch asks for the name when a layout has several images', async (t) => {
  const { fetch, layout } = setUp(t);
  layout.name((await layout.image()).manifest, 'a').name((await layout.image()).manifest, 'b\u001b[2J');
  assertRefused(
    await fetch(`oci:${layout.dir}`),
    EXIT.usage,
    /has 2 images: wanted oci:PATH:NAME with one of "a", "b\\u001b\[2J"/,
  );
  assertRefused(await fetch(`oci:${layout.dir}:c`), EXIT.notFound, /no image of this name: wanted one of "a"/);
  assertRefused(await fetch('oci:/nonexistent'), EXIT.notFound, /no such directory/);
});

test('rkt-fetch says which file it could not write', async (t) => {
  const { layout, dir } = setUp(t);
  layout.name((await layout.image()).manifest);
  writeFileSync(join(dir, 'file'), '');
  const outcome = await runFetch([`--dir=${join(dir, 'file', 'below')}`, `oci:${layout.dir}`]);
  assertRefused(outcome, EXIT.system, /cannot write ".*file\/below\/store": not a directory/);
  chmodSync(dir, 0o555);
  const denied = await runFetch([`--dir=${join(dir, 'rkt')}`, `oci:${layout.dir}`], { unprivileged: true });
  chmodSync(dir, 0o755);
  assertRefused(denied, EXIT.notPermitted, /cannot write ".*\/rkt\/store": permission denied/);
});

test('rkt-fetch says of files in paths.d that nobody reads them', async (t) => {
  const { fetch, layout, dir } = setUp(t);
  layout.name((await layout.image()).manifest);
  mkdirSync(join(dir, 'etc', 'paths.d'), { recursive: true });
  for (const name of ['a.json', 'b.conf']) writeFileSync(join(dir, 'etc', 'paths.d', name), '{}');
  const { status, err } = await fetch(`--local-config=${join(dir, 'etc')}`, '--quiet', `oci:${layout.dir}`);
  assert.equal(status, 0);
  assert.equal(
    err,
    `rkt-fetch: not reading "${join(dir, 'etc', 'paths.d', 'a.json')}": wanted --dir, or a link in the place of the data directory\n`,
  );
});
