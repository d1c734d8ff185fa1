// SPDX-License-Identifier: Apache-2.0
// The signature of an ACI is kept with it, whatever it is worth: from beside it, by discovery, or as the user gives it.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { EXIT } from '@rkt/exit';
import { parseReference } from '@rkt/names';
import { openStore } from '@rkt/store';
import { makeAci, type MadeAci } from '../../../test/images/aci.ts';
import { page, startAciServer } from '../../../test/aci-server.ts';
import { runFetch, temporaryDirectory, type Outcome } from './fixture.ts';

const TEMPLATE = 'example.com https://storage.example.com/{name}.{ext}';

/** A store, and what fetches into it. */
function makePlace(t: TestContext) {
  const dir = temporaryDirectory(t);
  const store = () => openStore(join(dir, 'rkt', 'store'));
  return {
    dir,
    fetch: (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
      runFetch([`--dir=${join(dir, 'rkt')}`, '--quiet', `--local-config=${join(dir, 'etc')}`, '--system-config=/none', ...args], { env }),
    store,
    /** The files of signatures that the store has for an image. */
    kept: (reference: string) => {
      const { artifacts, problems } = store().artifacts(store().find(parseReference(reference)).digest);
      assert.deepEqual(problems, []);
      return artifacts.map(({ artifactType, layers }) => {
        assert.equal(artifactType, 'application/vnd.rkt.aci.signature.v1');
        const [layer = assert.fail(), ...more] = layers;
        assert.deepEqual([layer.mediaType, more], ['application/pgp-signature', []]);
        return store().readBlob(layer.digest).toString();
      });
    },
  };
} // prettier-ignore

/** Fails unless the image was fetched, with one note or none. */
function assertFetched({ status, out, err }: Outcome, aci: MadeAci, note?: RegExp): void {
  assert.equal(status, 0, err);
  assert.equal(out, `${aci.imageId.slice(0, 39)}\n`);
  if (note === undefined) assert.equal(err, '');
  else {
    assert.match(err, /^rkt-fetch: the signature of "[^"\n]+" may be missing: [^\n]+\n$/);
    assert.match(err, note);
  }
}

test('rkt-fetch keeps the signature that lies beside a file, as it is now', async (t) => {
  const { dir, fetch, kept } = makePlace(t);
  const aci = makeAci();
  const path = join(dir, 'app.aci');
  const read = async (note?: RegExp) => {
    assertFetched(await fetch([path]), aci, note);
    return kept(path);
  };
  writeFileSync(path, aci.bytes);
  assert.deepEqual(await read(), []);
  writeFileSync(`${path}.asc`, '');
  assert.deepEqual(await read(), []);
  for (const text of ['one', 'one and two', 'one and two']) {
    writeFileSync(`${path}.asc`, text);
    assert.deepEqual(await read(), [text]);
  }
  // What fails, or is gone, takes nothing away.
  writeFileSync(`${path}.asc`, Buffer.alloc(64 * 1024 + 1));
  assert.deepEqual(await read(/larger than 65536 bytes/), ['one and two']);
  rmSync(`${path}.asc`);
  mkdirSync(`${path}.asc`);
  assert.deepEqual(await read(/not a regular file|is a directory/), ['one and two']);
  rmSync(`${path}.asc`, { recursive: true });
  assert.deepEqual(await read(), ['one and two']);
  // Another place is another file of signatures.
  const other = join(dir, 'other.aci');
  symlinkSync(path, other);
  writeFileSync(`${other}.asc`, 'three');
  assertFetched(await fetch([other]), aci);
  assert.deepEqual(kept(path), ['one and two', 'three']);
});

test('rkt-fetch keeps the signature that a server has beside an ACI, and asks for it as for the ACI', async (t) => {
  const { dir, fetch, kept } = makePlace(t);
  const server = await startAciServer(t);
  const aci = makeAci();
  const url = `https://${server.host}/app.aci?token=sesame`;
  const secret = `Basic ${Buffer.from('me:pass').toString('base64')}`;
  mkdirSync(join(dir, 'etc', 'auth.d'), { recursive: true });
  const credentials = { user: 'me', password: 'pass' };
  const auth = { rktKind: 'auth', rktVersion: 'v1', domains: [server.host], type: 'basic', credentials };
  writeFileSync(join(dir, 'etc', 'auth.d', 'a.json'), JSON.stringify(auth));
  const get = async (note?: RegExp) => {
    server.log.length = 0;
    const outcome = await fetch([url], server.trust);
    assertFetched(outcome, aci, note);
    assert.doesNotMatch(outcome.err, /sesame/);
    const asked = server.log.map((line) => line.replace(`${server.host}/app.aci`, '').replace(` ${secret}`, ''));
    return [...asked, ...kept(url)];
  };
  const serve = (path: string, served: object) =>
    server.files.set(`/app.aci${path}?token=sesame`, { body: '', authorization: secret, ...served });
  serve('', { body: aci.bytes });
  assert.deepEqual(await get(), ['?token=sesame 200', '.asc?token=sesame 404']);
  serve('.asc', { body: 'one' });
  assert.deepEqual(await get(), ['?token=sesame 304', '.asc?token=sesame 200', 'one']);
  assert.deepEqual(await get(), ['?token=sesame 304', '.asc?token=sesame 304', 'one']);
  serve('.asc', { body: 'one', headers: { 'cache-control': 'max-age=1000' } });
  assert.deepEqual(await get(), ['?token=sesame 304', '.asc?token=sesame 304', 'one']);
  assert.deepEqual(await get(), ['?token=sesame 304', 'one']);
  // An ACI that is fresh is not asked about, nor its signature if there is one.
  serve('', { body: aci.bytes, headers: { 'cache-control': 'max-age=1000' } });
  assert.deepEqual(await get(), ['?token=sesame 304', 'one']);
  assert.deepEqual(await get(), ['one']);
});

test('rkt-fetch asks again for a signature that the server puts off, and tells what it cannot have', async (t) => {
  const { fetch, kept, store } = makePlace(t);
  const server = await startAciServer(t);
  const aci = makeAci();
  const url = `https://${server.host}/app.aci`;
  server.files.set('/app.aci', { body: aci.bytes, headers: { 'cache-control': 'max-age=1000' } });
  const get = async (served: object, note?: RegExp) => {
    server.files.set('/app.aci.asc', { body: 'one', ...served });
    assertFetched(await fetch([url], server.trust), aci, note);
    return kept(url);
  };
  assert.deepEqual(await get({ status: 403 }, /cannot fetch signature "https:.*app\.aci\.asc": access denied/), []);
  assert.deepEqual(await get({ headers: { 'content-encoding': 'gzip' } }, /in another encoding/), []);
  assert.deepEqual(await get({ body: Buffer.alloc(64 * 1024 + 1) }, /larger than 65536 bytes/), []);
  assert.deepEqual(await get({ status: 302, headers: { location: `http://${server.host}/x` } }, /not encrypted/), []);
  assert.deepEqual(await get({ body: '' }), []);
  server.log.length = 0;
  // The ACI itself is fresh: only what is missing is asked for.
  assert.deepEqual(await get({ before: [202, 503] }), ['one']);
  assert.deepEqual(server.log.map((line) => line.split(' ')[1]), ['202', '503', '200']);
  assert.deepEqual((await store().verify()).filter(({ state }) => state !== 'ok'), []);
}); // prettier-ignore

test('rkt-fetch finds signatures by discovery, of what an image depends on as well', async (t) => {
  const { fetch, kept } = makePlace(t);
  const server = await startAciServer(t);
  const base = makeAci({ name: 'example.com/base' });
  const lib = makeAci({ name: 'example.com/lib' });
  const dependencies = [{ imageName: 'example.com/base', imageID: base.imageId }, { imageName: 'example.com/lib' }];
  const app = makeAci({ manifest: { dependencies } });
  server.files.set('example.com/?ac-discovery=1', page(['ac-discovery', TEMPLATE]));
  const serve = (name: string, body: Buffer | string) => server.files.set(`storage.example.com/example.com/${name}`, { body });
  for (const [name, { bytes }] of Object.entries({ app, base, lib })) serve(`${name}.aci`, bytes);
  for (const name of ['app', 'lib']) serve(`${name}.aci.asc`, `by ${name}`);
  const get = async () => {
    server.log.length = 0;
    assertFetched(await fetch(['example.com/app'], server.environment), app);
    return ['app', 'lib', 'base'].map((name) => kept(`example.com/${name}`).join());
  };
  assert.deepEqual(await get(), ['by app', 'by lib', '']);
  // Bytes that are fixed are not asked for again, but for their signature as long as there is none.
  serve('base.aci.asc', 'by base');
  assert.deepEqual(await get(), ['by app', 'by lib', 'by base']);
  assert.ok(server.log.some((line) => line.includes('base.aci.asc')));
  assert.ok(!server.log.some((line) => /base\.aci /.test(line)));
  await get();
  assert.ok(!server.log.some((line) => line.includes('base.aci')));
}); // prettier-ignore

test('a signature stays as long as its ACI is in the store, and no longer', async (t) => {
  const { fetch, kept, store } = makePlace(t);
  const server = await startAciServer(t);
  const aci = makeAci();
  const url = `https://${server.host}/app.aci`;
  server.files.set('/app.aci', { body: aci.bytes });
  server.files.set('/app.aci.asc', { body: 'one' });
  assertFetched(await fetch([url], server.trust), aci);
  const collect = () => store().collect({ olderThanMs: 0, nowMs: Date.now() + 1000 });
  assert.deepEqual(await collect(), []);
  assert.deepEqual(kept(url), ['one']);
  await store().remove(store().find(parseReference(url)).digest);
  assert.ok((await collect()).length >= 5);
  const left = ['blobs/sha256', 'referrers/sha256', 'remote'].flatMap((name) => readdirSync(join(store().dir, name)));
  assert.deepEqual(left, []);
  // What was known of its download is forgotten with it.
  server.log.length = 0;
  assertFetched(await fetch([url], server.trust), aci);
  assert.deepEqual(kept(url), ['one']);
  assert.ok(
    server.log.every((line) => line.endsWith(' 200')),
    server.log.join(),
  );
});

test('rkt-fetch keeps the signature that the user gives, for one image in appc\u2019s format', async (t) => {
  const { dir, fetch, kept } = makePlace(t);
  const aci = makeAci();
  const [path, signature] = [join(dir, 'app.aci'), join(dir, 'given.sig')];
  writeFileSync(path, aci.bytes);
  writeFileSync(`${path}.asc`, 'beside');
  writeFileSync(signature, 'given');
  assertFetched(await fetch([`--signature=${signature}`, path]), aci);
  assert.deepEqual(kept(path), ['given']);
  const refused = async (status: number, pattern: RegExp, ...words: string[]) => {
    const outcome = await fetch(words);
    assert.equal(outcome.status, status, outcome.err);
    assert.match(outcome.err, pattern);
    assert.equal(outcome.out, '');
  };
  await refused(EXIT.notFound, /cannot read signature ".*none": no such file/, `--signature=${join(dir, 'none')}`, path);
  for (const images of [[path, path], ['oci:/x'], ['docker://x']])
    await refused(EXIT.usage, /cannot use --signature: wanted one IMAGE/, `--signature=${signature}`, ...images);
}); // prettier-ignore
