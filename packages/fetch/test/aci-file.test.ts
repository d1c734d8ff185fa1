// SPDX-License-Identifier: Apache-2.0
// Images in appc's format from files, and what they depend on from the store.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { EXIT } from '@rkt/exit';
import { parseReference } from '@rkt/names';
import { openStore } from '@rkt/store';
import { makeAci, type AciOptions } from '../../../test/images/aci.ts';
import { runFetch, temporaryDirectory, type Outcome } from './fixture.ts';

function setUp(t: TestContext) {
  const dir = temporaryDirectory(t);
  const write = (name: string, options: AciOptions = {}) => {
    const aci = makeAci(options);
    writeFileSync(join(dir, name), aci.bytes);
    return { ...aci, path: join(dir, name) };
  };
  return {
    dir,
    write,
    fetch: (...args: string[]) => runFetch([`--dir=${join(dir, 'rkt')}`, '--quiet', ...args]),
    store: () => openStore(join(dir, 'rkt', 'store')),
  };
}

function assertRefused(outcome: Outcome, status: number, pattern: RegExp): void {
  assert.equal(outcome.status, status, outcome.err);
  assert.match(outcome.err, /^rkt-fetch: [^\n]+\n$/);
  assert.match(outcome.err, pattern);
  assert.equal(outcome.out, '');
}

const sha256 = (bytes: string | Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

test('rkt-fetch puts an ACI into the store as it is, however it is compressed, and prints its id', async (t) => {
  const { fetch, write, store } = setUp(t);
  for (const compression of ['none', 'gzip', 'zstd', 'bzip2', 'xz'] as const) {
    const aci = write('app.aci', { name: `example.com/${compression}`, version: '1', compression });
    const { out, err, status } = await fetch('--full', aci.path);
    assert.equal(status, 0, err);
    assert.equal(out, `${aci.imageId.slice(0, 71)}\n`);
    assert.equal((await fetch(aci.path)).out, `${aci.imageId.slice(0, 39)}\n`);
    const { digest } = store().find(parseReference(`example.com/${compression}:1`));
    const { manifest, manifestBytes, configBytes } = store().readDocuments(digest);
    assert.equal(configBytes.toString(), aci.manifest);
    const [layer] = manifest.layers;
    assert.equal(layer?.digest, sha256(aci.bytes));
    const suffix = compression === 'none' ? '' : `+${compression}`;
    assert.equal(layer.mediaType, `application/vnd.appc.image.aci${suffix}`);
    assert.match(manifestBytes.toString(), /"artifactType":"application\/vnd\.appc\.image\.v1"/);
    for (const text of [aci.path, aci.imageId, aci.imageId.slice(0, 9), `example.com/${compression}`, digest])
      assert.equal(store().find(parseReference(text)).digest, digest, text);
  }
  assert.ok((await store().verify()).every(({ state }) => state === 'ok'));
  assert.deepEqual(readdirSync(join(store().dir, 'partial')), []);
});

test('rkt-fetch reads a file each time, by whatever path and through a link', async (t) => {
  const { dir, fetch, write } = setUp(t);
  const first = write('app.aci', { files: { a: '1' } });
  symlinkSync('app.aci', join(dir, 'link.aci'));
  assert.equal((await fetch('--pull-policy=never', first.path)).out, `${first.imageId.slice(0, 39)}\n`);
  const second = write('app.aci', { files: { a: '2' } });
  assert.notEqual(second.imageId, first.imageId);
  const url = `file://${join(dir, 'link.aci')}`;
  for (const text of [second.path, join(dir, 'link.aci'), url, join(dir, 'rkt/../app.aci')])
    assert.equal((await fetch('--pull-policy=new', text)).out, `${second.imageId.slice(0, 39)}\n`, text);
});

test('rkt-fetch replaces an image of the same name and labels, and keeps others', async (t) => {
  const { fetch, write, store } = setUp(t);
  for (const [name, options] of Object.entries({
    one: { version: '1' }, two: { version: '2' }, again: { version: '1', files: { a: '' } }, other: { name: 'example.com/other' },
  })) await fetch((write(`${name}.aci`, options)).path); // prettier-ignore
  assert.equal(store().entries().length, 3);
});

test('rkt-fetch refuses files that are no ACI in one line', async (t) => {
  const { dir, fetch, write } = setUp(t);
  const bad = (name: string, options: AciOptions) => write(name, options).path;
  const raw = (name: string, content: string | Buffer) => {
    writeFileSync(join(dir, name), content);
    return join(dir, name);
  };
  mkdirSync(join(dir, 'directory.aci'));
  const good = makeAci().bytes;
  const cases: [string, number, RegExp][] = [
    [join(dir, 'none.aci'), EXIT.notFound, /cannot read ACI "[^"]+none\.aci": no such file/],
    [join(dir, 'directory.aci'), EXIT.dataRefused, /not a regular file/],
    [raw('empty.aci', ''), EXIT.dataRefused, /cannot read ACI "[^"]+empty\.aci": it has fewer than four bytes/],
    [raw('html.aci', '<html></html>'.padEnd(2000)), EXIT.dataRefused, /cannot read ACI/],
    [raw('cut.aci', good.subarray(0, -20)), EXIT.dataRefused, /cut short/],
    [raw('more.aci', Buffer.concat([good, Buffer.from('x')])), EXIT.dataRefused, /cut short|bytes behind the end/],
    [bad('json.aci', { text: '{' }), EXIT.dataRefused, /the manifest of ACI "[^"]+": it is not JSON/],
    [bad('kind.aci', { manifest: { acKind: 'PodManifest' } }), EXIT.dataRefused, /acKind/],
    [bad('twice.aci', { text: '{"name":"a","name":"b"}' }), EXIT.dataRefused, /the key "name" twice/],
    [bad('proto.aci', { text: '{"__proto__":1}' }), EXIT.dataRefused, /__proto__/],
    [bad('deep.aci', { text: `${'['.repeat(100)}${']'.repeat(100)}` }), EXIT.dataRefused, /deeper than 64/],
    [bad('large.aci', { text: ' '.repeat(4 * 1024 * 1024 + 1) }), EXIT.dataRefused, /larger than 4194304/],
    [bad('outside.aci', { entries: [{ path: 'README' }] }), EXIT.dataRefused, /there is "README"/],
    [bad('double.aci', { files: { a: '' }, entries: [{ path: 'rootfs/a' }] }), EXIT.dataRefused, /there twice/],
    [bad('link.aci', { entries: [{ path: 'rootfs/x', type: 'link', target: '/etc/passwd' }] }), EXIT.dataRefused, /etc\/passwd/],
    [bad('name.aci', { name: '../../etc/passwd' }), EXIT.dataRefused, /name: expected an AC identifier/],
    [bad('control.aci', { name: 'a\u001b[31m\nb' }), EXIT.dataRefused, /AC identifier/],
  ]; // prettier-ignore
  for (const [path, status, pattern] of cases) assertRefused(await fetch(path), status, pattern);
  const store = openStore(join(dir, 'rkt', 'store'));
  assert.deepEqual(store.entries(), []);
  assert.deepEqual(readdirSync(join(store.dir, 'blobs', 'sha256')), []);
});

test('rkt-fetch finds what an ACI depends on in the store, and wants all of it', async (t) => {
  const { fetch, write, store } = setUp(t);
  const base = write('base.aci', { name: 'example.com/base', version: '1' });
  const lib = write('lib.aci', { name: 'example.com/lib', manifest: { dependencies: [{ imageName: 'example.com/base' }] } });
  const app = write('app.aci', {
    manifest: {
      dependencies: [
        { imageName: 'example.com/lib' },
        { imageName: 'example.com/base', imageID: base.imageId, labels: [{ name: 'version', value: 'ignored' }], size: base.bytes.length },
      ],
    },
  });
  const never = '--pull-policy=never';
  assertRefused(await fetch(never, app.path), EXIT.notFound, /unable to fetch image from image name "example\.com\/lib"/);
  assert.equal((await fetch(base.path)).status, 0);
  assert.equal((await fetch(never, lib.path)).status, 0);
  const { status, err } = await fetch(never, app.path);
  assert.equal(status, 0, err);
  assert.equal(store().entries().length, 3);
  // One that is there by its name is fetched with what it depends on.
  await store().remove(store().find(parseReference('example.com/base')).digest);
  assertRefused(await fetch(never, 'example.com/app'), EXIT.notFound, /unable to fetch image from image name "example\.com\/base"/);
}); // prettier-ignore

test('rkt-fetch refuses a dependency that is not the one wanted, depends on itself, or nests too deep', async (t) => {
  const { fetch, write } = setUp(t);
  const never = '--pull-policy=never';
  await fetch((write('base.aci', { name: 'example.com/base', version: '1' })).path);
  const depends = async (dependency: object) => fetch(never, (write('app.aci', { manifest: { dependencies: [dependency] } })).path);
  const base = { imageName: 'example.com/base' };
  assertRefused(await depends({ ...base, labels: [{ name: 'version', value: '2' }] }), EXIT.notFound, /"example\.com\/base:2"/);
  assertRefused(await depends({ ...base, imageID: `sha512-${'0'.repeat(64)}` }), EXIT.notFound, /sha512-0{64}/);
  assertRefused(await depends({ imageName: 'example.com/app' }), EXIT.dataRefused, /it depends on itself/);
  const chain = async (n: number) => ({ name: `example.com/n${n}`, ...(n === 0 ? {} : { manifest: { dependencies: [{ imageName: `example.com/n${n - 1}` }] } }) });
  for (let n = 0; n < 17; n += 1) assert.equal((await fetch(never, (write('n.aci', await chain(n))).path)).status, 0);
  assertRefused(await fetch(never, (write('n.aci', await chain(17))).path), EXIT.dataRefused, /nest deeper than 16 levels/);
}); // prettier-ignore

test('rkt-fetch says that an ACI is for another machine, and takes one that is for all', async (t) => {
  const { dir, write } = setUp(t);
  const run = (path: string) => runFetch([`--dir=${join(dir, 'rkt')}`, path]);
  const foreign = await run(write('a.aci', { labels: { os: 'freebsd', arch: 'arm' } }).path);
  assert.equal(foreign.status, 0);
  assert.match(foreign.err, /the image is for freebsd\/arm: wanted linux\//);
  const text = JSON.stringify({ acKind: 'ImageManifest', acVersion: '0.8.11', name: 'a' });
  const general = await run(write('b.aci', { text }).path);
  assert.equal(general.status, 0);
  assert.doesNotMatch(general.err, /wanted/);
});
