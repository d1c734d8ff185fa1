// SPDX-License-Identifier: Apache-2.0
// What the store has for images in appc's format: names with labels, image ids, downloads whose digest nobody knows before.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { EXIT } from '@rkt/exit';
import { hostPlatform, platformLabels } from '@rkt/formats';
import { hexOf, parseReference, printCimd, type Digest } from '@rkt/names';
import { APPC_ID, APPC_LATEST, FETCHED, nameOf, shownName, type Store } from '../src/index.ts';
import { asOrdinaryUser, addImage, descriptorOf, temporaryStore } from './fixture.ts';

const URL_A = 'https://example.com/a.aci?token=secret';
const host = platformLabels(hostPlatform());
const other = host.arch === 'amd64' ? 'aarch64' : 'amd64';

/** Names an image like one of appc. */
async function addAci(
  store: Store,
  reference: string,
  { id = '0', minute = 0, latest = false }: { id?: string; minute?: number; latest?: boolean } = {},
): Promise<Digest> {
  const { manifest } = await addImage(store, `${reference} ${id}`);
  const parsed = parseReference(reference);
  assert.equal(parsed.kind, 'appc');
  await store.setReference(parsed.kind === 'appc' ? printCimd(parsed) : '', manifest, {
    [APPC_ID]: `sha512-${id.padEnd(128, '0')}`,
    [FETCHED]: new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString(),
    ...(latest ? { [APPC_LATEST]: 'true' } : {}),
  });
  return manifest.digest;
}

const find = (store: Store, text: string): Digest => store.find(parseReference(text)).digest;

test('find() gets an image of appc by its name and the labels that are asked for', async (t) => {
  const store = temporaryStore(t);
  const one = await addAci(store, `example.com/app:1,arch=${host.arch},os=linux`, { minute: 5 });
  const two = await addAci(store, `example.com/app:2,arch=${host.arch},os=linux,env=canary`, { minute: 3 });
  const foreign = await addAci(store, `example.com/app:3,arch=${other},os=linux`, { minute: 9 });
  await addAci(store, 'example.com/apple:1', { minute: 10 });
  assert.equal(find(store, 'example.com/app:1'), one);
  assert.equal(find(store, 'example.com/app:2'), two);
  assert.equal(find(store, 'example.com/app,env=canary'), two);
  assert.equal(find(store, `example.com/app,arch=${other}`), foreign);
  // Nobody asked for a version, and none was fetched as the latest: the one fetched last that runs here.
  assert.equal(find(store, 'example.com/app'), one);
  for (const text of ['example.com/app:3', 'example.com/app:1,env=canary', 'example.com', 'example.com/ap'])
    assert.throws(() => find(store, text), { name: 'Failure', status: EXIT.notFound }, text);
});

test('find() prefers the image that was fetched as the latest if no version is asked for', async (t) => {
  const store = temporaryStore(t);
  const latest = await addAci(store, 'example.com/app:1', { minute: 1, latest: true });
  const exact = await addAci(store, 'example.com/app:2', { minute: 2 });
  assert.equal(find(store, 'example.com/app'), latest);
  assert.equal(find(store, 'example.com/app:2'), exact);
});

test('find() gets an image of appc by the beginning of its id', async (t) => {
  const store = temporaryStore(t);
  const first = await addAci(store, 'example.com/a', { id: 'abc1' });
  await addAci(store, 'example.com/b', { id: 'abd' });
  assert.equal(find(store, 'sha512-abc'), first);
  assert.equal(find(store, `sha512-${'abc1'.padEnd(128, '0')}`), first);
  assert.throws(() => find(store, 'sha512-ab'), { status: EXIT.usage, message: /2 images have this id/ });
  assert.throws(() => find(store, 'sha512-ff'), { status: EXIT.notFound });
});

test('find() gets an ACI by the address it was downloaded from, and files by their path', async (t) => {
  const store = temporaryStore(t);
  const digest = await addAci(store, 'example.com/a:1');
  for (const url of [URL_A, 'file:///srv/a%20b.aci'])
    store.writeRemote({ url, image: { manifest: digest, downloaded: 1, fresh: 2 } });
  assert.equal(find(store, URL_A), digest);
  assert.equal(find(store, '/srv/a b.aci'), digest);
  assert.equal(find(store, '/srv/../srv/a b.aci'), digest);
  assert.throws(() => find(store, '/srv/b.aci'), { status: EXIT.notFound });
  await store.remove(digest);
  assert.throws(() => find(store, URL_A), { status: EXIT.notFound });
});

test('nameOf() gives names of appc a form that no registry image can have, and shownName() shows them', () => {
  const reference = parseReference('quay.io/coreos/etcd:v3,os=linux');
  assert.equal(nameOf(reference), 'cimd:appc:v=0:quay.io/coreos/etcd?os=linux&version=v3');
  assert.equal(nameOf(parseReference('docker://quay.io/coreos/etcd:v3')), 'quay.io/coreos/etcd:v3');
  assert.equal(nameOf(parseReference('/srv/a.aci')), 'cimd:aci-archive:v=0:file%3A%2F%2F%2Fsrv%2Fa.aci');
  assert.equal(shownName('cimd:appc:v=0:quay.io/coreos/etcd?os=linux&version=v3'), 'quay.io/coreos/etcd:v3');
  for (const name of ['quay.io/coreos/etcd:v3', 'cimd:appc:v=0:A', 'cimd:appc:x']) assert.equal(shownName(name), name);
});

test('openIncoming() continues what is there, and finish() makes it a blob', async (t) => {
  const store = temporaryStore(t);
  const bytes = Buffer.from('some bytes');
  {
    await using begun = await store.openIncoming(URL_A);
    await begun.append(bytes.subarray(0, 4));
  }
  const descriptor = descriptorOf(bytes);
  {
    await using incoming = await store.openIncoming(URL_A);
    assert.equal(incoming.size(), 4);
    await incoming.append(bytes.subarray(4));
    const found: Buffer[] = [];
    for await (const chunk of incoming.read()) found.push(Buffer.from(chunk));
    assert.ok(Buffer.concat(found).equals(bytes));
    await incoming.finish(descriptor);
  }
  assert.deepEqual((await store.verify([descriptor.digest])).map(({ state }) => state), ['ok']); // prettier-ignore
  assert.equal(statSync(join(store.dir, 'blobs', 'sha256', hexOf(descriptor.digest))).mode & 0o777, 0o444);
  assert.deepEqual(readdirSync(join(store.dir, 'partial')), []);
});

test('openIncoming() waits for whoever downloads from the same address, and begins anew when he is done', async (t) => {
  const store = temporaryStore(t);
  const first = await store.openIncoming(URL_A);
  await first.append(Buffer.from('x'));
  let waited = true;
  const second = store.openIncoming(URL_A).then((incoming) => {
    waited = false;
    return incoming;
  });
  await using elsewhere = await store.openIncoming(`${URL_A}&b`);
  assert.equal(elsewhere.size(), 0);
  assert.ok(waited);
  await first.finish(descriptorOf(Buffer.from('x')));
  await first[Symbol.asyncDispose]();
  await using incoming = await second;
  assert.equal(incoming.size(), 0);
  await incoming.append(Buffer.from('y'));
  await incoming.restart();
  assert.equal(incoming.size(), 0);
  incoming.discard();
});

test('records of downloads are for their owner alone, and a damaged one is none', async (t) => {
  const store = temporaryStore(t);
  assert.equal(store.findRemote(URL_A), undefined);
  const record = { url: URL_A, partial: { etag: '"x"', lastModified: 'yesterday' } };
  store.writeRemote(record);
  assert.deepEqual(store.findRemote(URL_A), { version: 1, ...record });
  const [name = ''] = readdirSync(join(store.dir, 'remote'));
  const path = join(store.dir, 'remote', name);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const text = readFileSync(path, 'utf8');
  for (const damaged of ['', '{', text.replace('"version": 1', '"version": 2'), text.replace('a.aci', 'b.aci')]) {
    writeFileSync(path, damaged);
    assert.equal(store.findRemote(URL_A), undefined, damaged);
  }
  await Promise.resolve();
});

test('records and partial files that another user keeps from us are passed over, and made anew', async (t) => {
  const store = temporaryStore(t);
  store.writeRemote({ url: URL_A, partial: { etag: '"x"' } });
  const partial = join(store.dir, 'partial', '0'.repeat(64));
  writeFileSync(partial, '', { mode: 0o600 });
  utimesSync(partial, new Date(0), new Date(0));
  asOrdinaryUser(t, store.dir);
  const isOurs = process.getuid?.() !== 0;
  assert.equal(store.findRemote(URL_A) !== undefined, isOurs);
  assert.equal((await store.collect({ olderThanMs: 3_600_000 })).length, isOurs ? 1 : 0);
  store.writeRemote({ url: URL_A, partial: { etag: '"y"' } });
  assert.equal(store.findRemote(URL_A)?.partial?.etag, '"y"');
});

test('collect() forgets downloads whose image is gone, and abandoned ones with what is there of them', async (t) => {
  const store = temporaryStore(t);
  const kept = await addAci(store, 'example.com/kept:1');
  const gone = await addAci(store, 'example.com/gone:1');
  for (const [url, manifest] of [['https://k/a.aci', kept], ['https://g/a.aci', gone]] as const)
    store.writeRemote({ url, image: { manifest, downloaded: 1, fresh: 1 } });
  store.writeRemote({ url: URL_A, partial: { etag: '"x"' } });
  {
    await using incoming = await store.openIncoming(URL_A);
    await incoming.append(Buffer.from('x'));
  }
  await store.remove(gone);
  await store.collect({ olderThanMs: 3_600_000 });
  assert.ok(store.findRemote('https://k/a.aci'));
  assert.ok(store.findRemote(URL_A));
  assert.equal(store.findRemote('https://g/a.aci'), undefined);
  const [partial = ''] = readdirSync(join(store.dir, 'partial'));
  utimesSync(join(store.dir, 'partial', partial), new Date(0), new Date(0));
  await store.collect({ olderThanMs: 3_600_000 });
  assert.equal(store.findRemote(URL_A), undefined);
  assert.ok(!existsSync(join(store.dir, 'partial', partial)));
}); // prettier-ignore
