// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { rootCertificates, setDefaultCACertificates } from 'node:tls';
import fc from 'fast-check';
import { EXIT } from '@rkt/exit';
import { makeWeb, type HttpResponse } from '@rkt/registry';
import { openStore } from '@rkt/store';
import { download } from '../src/aci/download.ts';
import { freshUntil } from '../src/aci/freshness.ts';
import { startAciServer } from './aci-server.ts';
import { temporaryDirectory } from './fixture.ts';

const cannot = 'cannot fetch "x"';
const body = Buffer.alloc(100_000, 'some text');
const progress = {
  start: () => ({ advance: () => undefined, end: () => undefined }),
  note: () => undefined,
  close: () => undefined,
};

async function setUp(t: TestContext, begun = Buffer.alloc(0)) {
  const server = await startAciServer(t);
  const authority = readFileSync(server.trust['NODE_EXTRA_CA_CERTS'] ?? '', 'utf8');
  setDefaultCACertificates([...rootCertificates, authority]);
  const store = openStore(join(temporaryDirectory(t), 'store'), { create: true });
  const url = new URL(`https://${server.host}/file`);
  const options = { insecure: { http: false, tls: false }, environment: {}, authorize: () => Promise.resolve({}) };
  const web = makeWeb({
    ...options,
    host: url.host,
    userAgent: 'x',
    note: () => undefined,
    retry: { tries: 3, backoffMs: 1 },
  });
  const incoming = await store.openIncoming(url.href);
  t.after(async () => {
    await web.close();
    await incoming[Symbol.asyncDispose]();
  });
  await incoming.append(begun);
  const run = () => download({ url, web, store, incoming, progress, cannot, known: undefined });
  return { server, store, url, incoming, run };
}

test('download() gives up on a server that cuts every time, and keeps what is there', async (t) => {
  const { server, incoming, run } = await setUp(t);
  server.files.set('/file', { body, cutAt: 10, isAlwaysCut: true });
  await assert.rejects(run(), {
    name: 'TransientFailure',
    status: EXIT.unavailable,
    message: /the connection was cut/,
  });
  assert.equal(server.log.length, 3);
  assert.ok(incoming.size() <= 10);
});

test('download() begins anew if the server has nothing behind what is there', async (t) => {
  const { server, store, url, incoming, run } = await setUp(t, body);
  server.files.set('/file', { body, headers: { etag: '"x"' } });
  store.writeRemote({ url: url.href, partial: { etag: '"x"' } });
  await run();
  assert.equal(incoming.size(), body.length);
  assert.deepEqual(server.log.map((line) => line.replace(/^\S+ /, '')), ['416 bytes=100000-', '200']); // prettier-ignore
});

test('download() refuses a file that is larger than it says or than is taken', async (t) => {
  const { server, run } = await setUp(t);
  server.files.set('/file', { body: '', headers: { 'content-length': String(65 * 1024 ** 3) } });
  await assert.rejects(run(), {
    status: EXIT.dataRefused,
    message: /it has 69793218560 bytes: at most 68719476736 are taken/,
  });
});

test('freshUntil() believes max-age, less what was spent on the way, and nothing absurd', () => {
  const of = (headers: Pick<HttpResponse, 'headers'>['headers']) => freshUntil({ headers }, 1000) - 1000;
  assert.equal(of({}), 0);
  assert.equal(of({ 'cache-control': 'max-age=10' }), 10_000);
  assert.equal(of({ 'cache-control': 'Public , MAX-AGE="10"', age: '4' }), 6000);
  assert.equal(of({ 'cache-control': 'max-age=10', age: '40' }), 0);
  for (const value of [
    'no-cache',
    'no-store, max-age=10',
    'max-age=10, no-cache="set-cookie"',
    'max-age=-1',
    'max-age=x',
    's-maxage=10',
  ])
    assert.equal(of({ 'cache-control': value }), 0, value);
  assert.equal(of({ 'cache-control': 'max-age=9999999999' }), 365 * 24 * 3600 * 1000);
  fc.assert(fc.property(fc.string(), fc.string(), (control, age) => {
    const fresh = of({ 'cache-control': control, age });
    assert.ok(fresh >= 0 && fresh <= 365 * 24 * 3600 * 1000);
  })); // prettier-ignore
});
