// SPDX-License-Identifier: Apache-2.0
// Images in appc's format from servers: discovery, what is remembered of downloads, resumption, credentials.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { EXIT } from '@rkt/exit';
import { parseReference } from '@rkt/names';
import { openStore, type Store } from '@rkt/store';
import { machineLabels, makeAci } from '../../../test/images/aci.ts';
import { page, startAciServer, type AciServer } from './aci-server.ts';
import { runFetch, temporaryDirectory, type Outcome } from './fixture.ts';

const { os, arch } = machineLabels;
const TEMPLATE = 'example.com https://storage.example.com/{os}/{arch}/{name}-{version}.{ext}';
const addressOf = (name: string, version = 'latest') => `storage.example.com/${os}/${arch}/${name}-${version}.aci`;

async function setUp(t: TestContext) {
  const dir = temporaryDirectory(t);
  const server = await startAciServer(t);
  const run = (args: readonly string[], env: Readonly<Record<string, string>> = server.environment) =>
    runFetch([`--dir=${join(dir, 'rkt')}`, '--quiet', `--local-config=${join(dir, 'etc')}`, '--system-config=/none', ...args], { env });
  return {
    dir,
    server,
    run,
    /** Fetches by the names of hosts, through the proxy. */
    fetch: (...args: string[]) => run(args),
    /** Fetches from the server itself. */
    direct: (...args: string[]) => run(args, server.trust),
    store: () => openStore(join(dir, 'rkt', 'store')),
  };
} // prettier-ignore

function assertRefused(outcome: Outcome, status: number, pattern: RegExp): void {
  assert.equal(outcome.status, status, outcome.err);
  assert.match(outcome.err, /^rkt-fetch: [^\n]+\n$/);
  assert.match(outcome.err, pattern);
  assert.equal(outcome.out, '');
}

/** Forgets what was asked for, and returns it. */
function requests({ log }: AciServer): string[] {
  return log.splice(0);
}

/** The same, without what was asked for: statuses and ranges. */
function statusesOf(server: AciServer): string[] {
  return requests(server).map((line) => line.replace(/^\S+ /, ''));
}

/** What an interrupted download leaves. */
async function leave(store: Store, url: string, bytes: Buffer): Promise<void> {
  await using incoming = await store.openIncoming(url);
  await incoming.append(bytes);
}

test('rkt-fetch discovers an image by its name, and finds it in the store afterwards', async (t) => {
  const { fetch, server, store } = await setUp(t);
  const aci = makeAci({ version: '1' });
  server.files.set('example.com/?ac-discovery=1', page(['ac-discovery', TEMPLATE]));
  server.files.set(addressOf('example.com/app', '1'), { body: aci.bytes });
  const { out, err } = await fetch('--full', 'example.com/app:1');
  assert.equal(out, `${aci.imageId.slice(0, 71)}\n`, err);
  const address = `${addressOf('example.com/app', '1')} 200`;
  assert.deepEqual(requests(server), [
    'example.com/app?ac-discovery=1 404',
    'example.com/?ac-discovery=1 200',
    address,
  ]);
  for (const policy of ['new', 'never']) {
    assert.equal((await fetch('--full', `--pull-policy=${policy}`, 'example.com/app')).out, out);
    assert.deepEqual(requests(server), []);
  }
  assert.ok((await store().verify()).every(({ state }) => state === 'ok'));
  assert.equal(store().entries()[0]?.annotations['org.rkt.appc.latest'], undefined);
});

test('rkt-fetch asks for the latest version if nobody asks for one, and remembers that it did', async (t) => {
  const { fetch, server, store } = await setUp(t);
  const aci = makeAci({ version: '7' });
  server.files.set('example.com/app?ac-discovery=1', page(['ac-discovery', TEMPLATE]));
  server.files.set(addressOf('example.com/app'), { body: aci.bytes });
  const { out, err } = await fetch('example.com/app');
  assert.equal(out, `${aci.imageId.slice(0, 39)}\n`, err);
  assert.equal(store().entries()[0]?.annotations['org.rkt.appc.latest'], 'true');
});

test('rkt-fetch refuses what has another name or other labels than were asked for', async (t) => {
  const { fetch, server, store } = await setUp(t);
  server.files.set('example.com/app?ac-discovery=1', page(['ac-discovery', TEMPLATE]));
  const serve = async (options: Parameters<typeof makeAci>[0]) =>
    server.files.set(addressOf('example.com/app', '1'), { body: (makeAci(options)).bytes });
  await serve({ name: 'example.com/other', version: '1' });
  assertRefused(await fetch('example.com/app:1'), EXIT.dataRefused, /app name: "example\.com\/app" expected but "example\.com\/other" found/);
  await serve({ version: '2' });
  assertRefused(await fetch('example.com/app:1'), EXIT.dataRefused, /requested value for label "version": "1" differs from fetched aci label value: "2"/);
  await serve({});
  assertRefused(await fetch('example.com/app:1'), EXIT.dataRefused, /requested label "version" not provided by the image manifest/);
  assert.deepEqual(store().entries(), []);
  assert.deepEqual(readdirSync(join(store().dir, 'partial')), []);
}); // prettier-ignore

test('rkt-fetch refuses a file that it knows already, fresh or not, under another name', async (t) => {
  const { fetch, server } = await setUp(t);
  server.files.set('example.com/?ac-discovery=1', page(['ac-discovery', 'example.com https://storage.example.com/x.{ext}']));
  for (const control of ['max-age=1000', 'no-cache']) {
    const { bytes } = makeAci({ version: control.slice(0, 2) });
    server.files.set('storage.example.com/x.aci', { body: bytes, headers: { 'cache-control': control } });
    await fetch('example.com/app');
    assertRefused(await fetch('example.com/other'), EXIT.dataRefused, /"example\.com\/other" expected but "example\.com\/app" found/);
  }
}); // prettier-ignore

test('rkt-fetch says in one line why an image is not discovered', async (t) => {
  const { fetch, direct, server } = await setUp(t);
  assertRefused(await fetch('example.com/app'), EXIT.notFound, /no page of it or above it has a meta tag "ac-discovery" for it/);
  server.files.set('example.com/app?ac-discovery=1', page(['ac-discovery', 'example.com/ap https://x/{ext}']));
  assertRefused(await fetch('example.com/app'), EXIT.notFound, /no page of it/);
  server.files.set('example.com/?ac-discovery=1', page(['ac-discovery', 'example.com http://storage.example.com/{name}.{ext}']));
  assertRefused(await fetch('example.com/app'), EXIT.notPermitted, /is not encrypted: wanted https, or --insecure-options=http/);
  server.files.set('example.com/?ac-discovery=1', page(['ac-discovery', TEMPLATE]));
  assertRefused(await fetch('example.com/app:1'), EXIT.notFound, /cannot fetch ACI "https:\/\/storage\.example\.com\/.*: the server has no such file/);
  assertRefused(await direct('rkt-test-no-such-host'), EXIT.unavailable, /wanted docker:\/\/rkt-test-no-such-host for an image of a registry/);
}); // prettier-ignore

test('rkt-fetch fetches what an image depends on, each by its own discovery, once', async (t) => {
  const { fetch, server, store } = await setUp(t);
  const base = makeAci({ name: 'example.com/base', version: '1' });
  const lib = makeAci({ name: 'other.example/lib', manifest: { dependencies: [{ imageName: 'example.com/base' }] } });
  const dependencies = [{ imageName: 'other.example/lib' }, { imageName: 'example.com/base', imageID: base.imageId }, { imageName: 'other.example/lib' }];
  const app = makeAci({ version: '1', manifest: { dependencies } });
  server.files.set('example.com/?ac-discovery=1', page(['ac-discovery', TEMPLATE]));
  server.files.set('other.example/lib?ac-discovery=1', page(['ac-discovery', 'other.example https://other.example/{name}.{ext}']));
  server.files.set(addressOf('example.com/base'), { body: base.bytes });
  server.files.set('other.example/other.example/lib.aci', { body: lib.bytes });
  server.files.set(addressOf('example.com/app', '1'), { body: app.bytes });
  const { err, status } = await fetch('example.com/app:1');
  assert.equal(status, 0, err);
  assert.equal(store().entries().length, 3);
  const files = requests(server).filter((line) => line.includes('.aci '));
  assert.equal(files.length, 3, files.join('\n'));
  // One that is missing is fetched though the image itself is there.
  await store().remove(store().find(parseReference('other.example/lib')).digest);
  assert.equal((await fetch('--pull-policy=new', 'example.com/app:1')).status, 0);
  assert.equal(store().entries().length, 3);
}); // prettier-ignore

test('rkt-fetch lets no image of the internet depend on a host of a private network', async (t) => {
  const { direct, fetch, server, store } = await setUp(t);
  const app = makeAci({ version: '1', manifest: { dependencies: [{ imageName: 'localhost/secret' }] } });
  server.files.set('example.com/app?ac-discovery=1', page(['ac-discovery', TEMPLATE]));
  server.files.set(addressOf('example.com/app', '1'), { body: app.bytes });
  assert.notEqual((await fetch('example.com/app:1')).status, 0);
  assert.equal(store().entries().length, 1);
  assertRefused(
    await direct('--pull-policy=new', 'example.com/app:1'),
    EXIT.notPermitted,
    /cannot discover image "localhost\/secret": .*"localhost": that is an address of a private network/,
  );
});

test('rkt-fetch does not ask for a file that is fresh, nor download one that has not changed', async (t) => {
  const { direct, server } = await setUp(t);
  const url = `https://${server.host}/app.aci`;
  const one = makeAci({ version: '1' });
  const fetch = async (policy = 'update') => {
    const { out, err } = await direct(`--pull-policy=${policy}`, url);
    assert.match(out, /^sha512-[0-9a-f]{32}\n$/, err);
    return [out.trim(), ...statusesOf(server)];
  };
  const id = one.imageId.slice(0, 39);
  server.files.set('/app.aci', { body: one.bytes });
  assert.deepEqual(await fetch(), [id, '200']);
  assert.deepEqual(await fetch('new'), [id]);
  assert.deepEqual(await fetch('never'), [id]);
  assert.deepEqual(await fetch(), [id, '304']);
  server.files.set('/app.aci', { body: one.bytes, headers: { 'cache-control': 'public, max-age=1000' } });
  assert.deepEqual(await fetch(), [id, '304']);
  assert.deepEqual(await fetch(), [id]);
  const two = makeAci({ version: '2' });
  server.files.set('/app.aci', { body: two.bytes, headers: { 'cache-control': 'no-cache, max-age=1000' } });
  assert.deepEqual(await fetch(), [id]);
  const other = `${url}?x`;
  server.files.set('/app.aci?x', { body: two.bytes, headers: { 'cache-control': 'no-cache, max-age=1000' } });
  for (const wanted of ['200', '304']) {
    await direct(other);
    assert.match(requests(server)[0] ?? '', new RegExp(` ${wanted}$`));
  }
});

test('rkt-fetch downloads again what changed, or what the store has not any more', async (t) => {
  const { direct, server, store } = await setUp(t);
  const url = `https://${server.host}/app.aci`;
  const [one, two] = [makeAci({ version: '1' }), makeAci({ version: '2' })];
  server.files.set('/app.aci', { body: one.bytes });
  await direct(url);
  server.files.set('/app.aci', { body: two.bytes });
  assert.equal((await direct(url)).out, `${two.imageId.slice(0, 39)}\n`);
  await store().remove(store().find(parseReference(url)).digest);
  requests(server);
  assert.equal((await direct(url)).out, `${two.imageId.slice(0, 39)}\n`);
  assert.match(requests(server).join(), / 200$/);
  // A server that says nothing to recognise a file by.
  server.files.set('/app.aci', { body: one.bytes, isPlain: true });
  for (let n = 0; n < 2; n += 1) assert.equal((await direct(url)).out, `${one.imageId.slice(0, 39)}\n`);
});

test('rkt-fetch continues a file that was cut, at once and the next time', async (t) => {
  const { direct, server, store } = await setUp(t);
  const url = `https://${server.host}/app.aci`;
  const body = (makeAci({ files: { a: Buffer.alloc(300_000, 'x') }, compression: 'none' })).bytes;
  server.files.set('/app.aci', { body, cutAt: 100_000 });
  const { status, err } = await direct(url);
  assert.equal(status, 0, err);
  const [first, second, ...more] = requests(server);
  assert.match(first ?? '', / 200$/);
  const at = Number(/ 206 bytes=(\d+)-$/.exec(second ?? '')?.[1]);
  assert.ok(at > 0 && at <= 100_000, second);
  assert.deepEqual(more, []);
  // What a fetch left that was killed.
  await store().remove(store().find(parseReference(url)).digest);
  const records = join(store().dir, 'remote');
  const record: { url: string; image: { etag: string } } = JSON.parse(readFileSync(join(records, readdirSync(records)[0] ?? ''), 'utf8'));
  store().writeRemote({ url, partial: { etag: record.image.etag } });
  await leave(store(), url, body.subarray(0, 200_000));
  assert.equal((await direct(url)).status, 0);
  assert.deepEqual(statusesOf(server), ['206 bytes=200000-']);
  assert.ok((await store().verify()).every(({ state }) => state === 'ok'));
}); // prettier-ignore

test('rkt-fetch begins anew if the file is another one than what is there of it, or nobody can tell', async (t) => {
  const { direct, server, store } = await setUp(t);
  const url = `https://${server.host}/app.aci`;
  const body = makeAci({ files: { a: Buffer.alloc(3000, 'x') }, compression: 'none' }).bytes;
  server.files.set('/app.aci', { body });
  const cases: [{ etag?: string; lastModified?: string } | undefined, string[]][] = [
    [{ etag: '"other"' }, ['200 bytes=1000-']],
    [{ etag: 'W/"weak"' }, ['200']],
    [{}, ['200']],
    [undefined, ['200']],
  ];
  await direct(url);
  requests(server);
  for (const [partial, wanted] of cases) {
    await store().remove(store().find(parseReference(url)).digest);
    store().writeRemote({ url, ...(partial === undefined ? {} : { partial }) });
    await leave(store(), url, Buffer.alloc(1000, 'y'));
    const { status, err } = await direct(url);
    assert.equal(status, 0, err);
    assert.deepEqual(statusesOf(server), wanted, JSON.stringify(partial));
  }
});

test('rkt-fetch tells nobody the query of an address, and prefers TLS if both are offered', async (t) => {
  const { direct, fetch, server, store } = await setUp(t);
  const aci = makeAci({ version: '1' });
  const url = `https://${server.host}/app.aci?token=sesame`;
  const outcomes = [await direct(url), await direct('--pull-policy=never', url)];
  server.files.set('/app.aci?token=sesame', { body: 'x'.repeat(600), isPlain: true });
  outcomes.push(await direct(url));
  for (const { err, status } of outcomes) {
    assert.notEqual(status, 0);
    assert.doesNotMatch(err, /sesame/);
  }
  server.files.set('/app.aci?token=sesame', { body: aci.bytes });
  assert.equal((await direct('--debug', url)).status, 0);
  assert.doesNotMatch(readFileSync(join(store().dir, 'index.json'), 'utf8'), /sesame/);
  const templates = ['http', 'https'].map((scheme) => ['ac-discovery', `example.com ${scheme}://storage.example.com/{name}.{ext}`] as const);
  server.files.set('example.com/app?ac-discovery=1', page(...templates));
  server.files.set('storage.example.com/example.com/app.aci', { body: aci.bytes });
  const { err, status } = await fetch('--insecure-options=http', 'example.com/app');
  assert.equal(status, 0, err);
}); // prettier-ignore

test('rkt-fetch refuses files that are no ACI, and leaves nothing of them', async (t) => {
  const { direct, server, store } = await setUp(t);
  const refused = async (body: Buffer | string, pattern: RegExp, headers = {}) => {
    server.files.set('/app.aci', { body, headers });
    assertRefused(await direct(`https://${server.host}/app.aci`), EXIT.dataRefused, pattern);
    assert.deepEqual(readdirSync(join(store().dir, 'partial')), []);
  };
  await refused('<html>please log in</html>'.padEnd(1000), /cannot read ACI "https:\/\/localhost:\d+\/app\.aci": /);
  await refused(makeAci().bytes.subarray(0, -5), /cut short/);
  await refused('', /fewer than four bytes/);
  server.files.set('/app.aci', { body: makeAci().bytes, headers: { 'content-encoding': 'gzip' } });
  assertRefused(await direct(`https://${server.host}/app.aci`), EXIT.dataRefused, /another encoding/);
});

test('rkt-fetch talks to servers without TLS, or with any certificate, only if told so', async (t) => {
  const { run, server } = await setUp(t);
  const aci = makeAci();
  server.files.set('/app.aci', { body: aci.bytes });
  const url = `https://${server.host}/app.aci`;
  assertRefused(await run([url], {}), EXIT.unavailable, /its certificate is refused/);
  assertRefused(await run(['--insecure-options=http', url], {}), EXIT.unavailable, /its certificate is refused/);
  assert.equal((await run(['--insecure-options=tls', url], {})).status, 0);
  assertRefused(await run([url.replace('https', 'http')], {}), EXIT.notPermitted, /not encrypted: wanted https/);
});

test('rkt-fetch sends credentials of auth.d to the host they are for, and not to where it redirects', async (t) => {
  const { dir, direct, run, server } = await setUp(t);
  const aci = makeAci();
  const url = `https://${server.host}/app.aci`;
  const secret = `Basic ${Buffer.from('me:open sesame').toString('base64')}`;
  const other = server.host.replace('localhost', '127.0.0.1');
  server.files.set('/app.aci', { body: '', status: 302, headers: { location: `https://${other}/real.aci` } });
  server.files.set('/real.aci', { body: aci.bytes });
  mkdirSync(join(dir, 'etc', 'auth.d'), { recursive: true });
  const write = (name: string, config: object) => writeFileSync(join(dir, 'etc', 'auth.d', name), JSON.stringify(config));
  const head = { rktKind: 'auth', rktVersion: 'v1' };
  write('a.json', { ...head, domains: [server.host], type: 'basic', credentials: { user: 'me', password: 'open sesame' } });
  write('ignored.conf', {});
  symlinkSync('/nonexistent', join(dir, 'etc', 'auth.d', 'link.json'));
  assert.equal((await direct(url)).status, 0);
  assert.deepEqual(requests(server), [`${server.host}/app.aci 302 ${secret}`, `${other}/real.aci 200`]);
  // Wrong ones: the message has no secret.
  server.files.set('/app.aci', { body: aci.bytes, authorization: 'Bearer x' });
  const denied = await direct(url);
  assertRefused(denied, EXIT.notPermitted, /access denied: wanted credentials for its host in auth\.d/);
  assert.doesNotMatch(denied.err, /sesame|bWU6b3Blbg/);
  // A later directory counts.
  mkdirSync(join(dir, 'user', 'auth.d'), { recursive: true });
  writeFileSync(join(dir, 'user', 'auth.d', 'b.json'), JSON.stringify({ ...head, domains: [server.host], type: 'oauth', credentials: { token: 'x' } }));
  assert.equal((await run([`--user-config=${join(dir, 'user')}`, url], server.trust)).status, 0);
  // What is signed for Amazon is signed for each request, and sent to nobody else either.
  write('a.json', { ...head, domains: [server.host], type: 'aws', credentials: { accessKeyID: 'key', secretAccessKey: 'open sesame' } });
  server.files.set('/app.aci', { body: '', status: 302, headers: { location: `https://${other}/real.aci` } });
  requests(server);
  assert.equal((await direct(url)).status, 0);
  const [first = '', ...more] = requests(server);
  assert.match(first, /\/app\.aci 302 AWS4-HMAC-SHA256 Credential=key\/\d{8}\/us-east-1\/s3\/aws4_request, .* Signature=[0-9a-f]{64}$/);
  assert.deepEqual(more, [`${other}/real.aci 304`]);
}); // prettier-ignore

test('rkt-fetch refuses a configuration that is wrong, with its file and what is wanted', async (t) => {
  const { dir, direct, server } = await setUp(t);
  server.files.set('/app.aci', { body: (makeAci()).bytes });
  const url = `https://${server.host}/app.aci`;
  const auth = join(dir, 'etc', 'auth.d');
  mkdirSync(auth, { recursive: true });
  const good = { rktKind: 'auth', rktVersion: 'v1', domains: [server.host], type: 'basic', credentials: { user: 'a', password: 'b' } };
  const cases: [unknown, RegExp][] = [
    ['{', /a\.json": it is not JSON/],
    [{ ...good, rktKind: 'paths' }, /a\.json": rktKind/],
    [{ ...good, rktVersion: 'v2' }, /rktVersion/],
    [{ ...good, type: 'kerberos' }, /type/],
    [{ ...good, credentials: { user: 'a' } }, /credentials\.password/],
    [{ ...good, credentials: { user: 'a:b', password: 'c' } }, /credentials\.user/],
    [{ ...good, domains: [] }, /domains/],
    [{ ...good, type: 'aws', credentials: { accessKeyID: 'a' } }, /credentials\.secretAccessKey/],
  ];
  for (const [config, pattern] of cases) {
    writeFileSync(join(auth, 'a.json'), typeof config === 'string' ? config : JSON.stringify(config));
    assertRefused(await direct(url), EXIT.configuration, pattern);
  }
  for (const name of ['a.json', 'b.json']) writeFileSync(join(auth, name), JSON.stringify(good));
  assertRefused(await direct(url), EXIT.configuration, /credentials for "localhost:\d+" are in "[^"]+a\.json" too/);
}); // prettier-ignore

test('four fetches of one ACI at once download it once', async (t) => {
  const { direct, server } = await setUp(t);
  const aci = makeAci({ files: { a: Buffer.alloc(2_000_000, 'x') }, compression: 'none' });
  server.files.set('/app.aci', { body: aci.bytes });
  const url = `https://${server.host}/app.aci`;
  for (const { status, out, err } of await Promise.all(Array.from({ length: 4 }, () => direct(url)))) {
    assert.equal(status, 0, err);
    assert.equal(out, `${aci.imageId.slice(0, 39)}\n`);
  }
  assert.equal(requests(server).filter((line) => line.endsWith(' 200')).length, 1);
});
