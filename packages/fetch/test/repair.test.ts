// SPDX-License-Identifier: Apache-2.0
// From damage on the disk to an image that is whole again: who notices it, what they say, and what repairs it.
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { EXIT } from '@rkt/exit';
import { parseReference } from '@rkt/names';
import { openStore } from '@rkt/store';
import { makeAci, type AciOptions } from '../../../test/images/aci.ts';
import { Layout, runFetch, temporaryDirectory } from './fixture.ts';

/** An image of three layers in a layout, with an index, and the same in a store. */
async function setUp(t: TestContext) {
  const dir = temporaryDirectory(t);
  const layout = new Layout(join(dir, 'layout'));
  const { manifest, document } = await layout.image({ layers: 3, layerBytes: 50_000 });
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const platform = { os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' };
  const index = layout.blob(mediaType, { schemaVersion: 2, mediaType, manifests: [{ ...manifest, platform }] });
  layout.name(index);
  const image = `oci:${layout.dir}`;
  const fetch = (...args: readonly string[]) => runFetch([`--dir=${join(dir, 'rkt')}`, '-q', ...args]);
  assert.equal((await fetch(image)).status, 0);
  const path = (digest: string) => join(dir, 'rkt', 'store', 'blobs', 'sha256', digest.slice(7));
  const digests = [manifest, document.config, ...document.layers, index].map(({ digest }) => digest);
  return { image, fetch, path, digests, layout, store: openStore(join(dir, 'rkt', 'store')) };
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  const byte = Math.floor(at * bytes.length);
  bytes[byte] = (bytes[byte] ?? 0) ^ (1 << (byte % 8));
  chmodSync(path, 0o644);
  writeFileSync(path, bytes);
}

test('rkt-fetch --check finds each flipped bit of an image, names its blob, and repairs it', async (t) => {
  const { image, fetch, path, digests, store } = await setUp(t);
  const { digest: id } = store.images()[0] ?? assert.fail();
  for (const [round, digest] of [...digests, ...digests].entries()) {
    flip(path(digest), ((round * 7) % 13) / 13);
    const reference = round % 3 === 0 ? id : image;
    const policy = round % 2 === 0 ? 'new' : 'update';
    const { status, out, err } = await fetch('--check', '--full', `--pull-policy=${policy}`, reference);
    assert.deepEqual([status, out], [0, `${id}\n`], err);
    assert.equal(err, `rkt-fetch: blob "${digest}" of the store is damaged: fetching it again\n`);
    assert.ok((await store.verify()).every(({ state }) => state === 'ok'));
  }
});

test('rkt-fetch --check repairs what is missing or of another size, and asks nobody for an image that is whole', async (t) => {
  const { image, fetch, path, digests, layout, store } = await setUp(t);
  const damages = [
    (file: string) => rmSync(file),
    (file: string) => truncateSync(file, 10),
    (file: string) => writeFileSync(file, 'more', { flag: 'a' }),
  ];
  for (const [index, digest] of digests.entries()) {
    chmodSync(path(digest), 0o644);
    damages[index % damages.length]?.(path(digest));
    const { status, err } = await fetch('--check', '--pull-policy=new', image);
    assert.equal(status, 0, err);
    assert.ok((await store.verify()).every(({ state }) => state === 'ok'));
  }
  rmSync(layout.dir, { recursive: true });
  assert.equal((await fetch('--check', '--pull-policy=new', image)).status, 0);
});

test('rkt-fetch without --check notices what has another size, says so, and repairs it', async (t) => {
  const { image, fetch, path, digests, store } = await setUp(t);
  for (const digest of digests) {
    chmodSync(path(digest), 0o644);
    truncateSync(path(digest), 10);
    const { status, err } = await fetch(image);
    assert.equal(status, 0, err);
    assert.equal(err, `rkt-fetch: blob "${digest}" of the store is damaged: fetching it again\n`);
    assert.ok((await store.verify()).every(({ state }) => state === 'ok'));
  }
});

test('rkt-fetch --check tells what it cannot repair', async (t) => {
  const { image, fetch, path, digests, layout, store } = await setUp(t);
  flip(path(digests[2] ?? ''), 0.5);
  const never = await fetch('--check', '--pull-policy=never', image);
  assert.equal(never.status, EXIT.dataRefused);
  assert.match(
    never.err,
    /^rkt-fetch: cannot repair image "oci:[^"]*": the pull policy is never: wanted new or update\n$/,
  );
  rmSync(layout.dir, { recursive: true });
  const gone = await fetch('--check', '--pull-policy=new', image);
  assert.equal(gone.status, EXIT.notFound);
  assert.match(gone.err, /^rkt-fetch: [^\n]*\n$/);
  // What is damaged stays where it is until there is something better.
  assert.equal((await store.verify()).filter(({ state }) => state === 'corrupt').length, 1);
});

test('rkt-fetch --check repairs an image in appc’s format, and what it depends on', async (t) => {
  const dir = temporaryDirectory(t);
  const write = (name: string, options: AciOptions) => {
    const aci = makeAci({ name: `example.com/${name}`, ...options });
    writeFileSync(join(dir, name), aci.bytes);
    return aci;
  };
  write('base', {});
  write('app', { manifest: { dependencies: [{ imageName: 'example.com/base' }] } });
  const fetch = (...args: readonly string[]) => runFetch([`--dir=${join(dir, 'rkt')}`, '-q', ...args]);
  for (const name of ['base', 'app']) assert.equal((await fetch('--pull-policy=new', join(dir, name))).status, 0);
  const store = openStore(join(dir, 'rkt', 'store'));
  const blobOf = (name: string) => {
    const { digest } = store.find(parseReference(`example.com/${name}`));
    return store.readDocuments(digest).manifest.layers[0]?.digest ?? assert.fail();
  };
  const pathOf = (digest: string) => join(store.dir, 'blobs', 'sha256', digest.slice(7));
  const app = blobOf('app');
  flip(pathOf(app), 0.5);
  const repaired = await fetch('--check', '--pull-policy=new', join(dir, 'app'));
  assert.equal(repaired.err, `rkt-fetch: blob "${app}" of the store is damaged: fetching it again\n`);
  assert.ok((await store.verify()).every(({ state }) => state === 'ok'));
  flip(pathOf(blobOf('base')), 0.5);
  const { status, err } = await fetch('--check', '--pull-policy=never', join(dir, 'app'));
  assert.equal(status, EXIT.dataRefused);
  assert.match(err, /^rkt-fetch: cannot repair image "example\.com\/base": the pull policy is never/);
});
