// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { EXIT, Failure } from '@rkt/exit';
import { MEDIA_TYPE } from '@rkt/formats';
import type { Digest } from '@rkt/names';
import { clientOf, digestOf, startStub, type Handler } from './stub.ts';

const IMAGE = digestOf('image');
const TYPE = 'application/vnd.example.signature';
const entry = (digest: Digest, artifactType = TYPE) => ({
  mediaType: MEDIA_TYPE.manifest,
  digest,
  size: 10,
  artifactType,
});
const index = (...manifests: readonly object[]) =>
  JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests });
const WISH = { repository: 'a/b', digest: IMAGE, isWanted: () => true, limit: 64 };

interface Page {
  readonly status?: number;
  readonly type?: string;
  readonly link?: string;
  readonly body?: string;
}

/** Answers by path; everything else is not there. */
const pages =
  (known: Readonly<Record<string, Page>>): Handler =>
  ({ url = '' }, response) => {
    const { status = 200, type = MEDIA_TYPE.index, link, body = '' } = known[url] ?? { status: 404 };
    response.writeHead(status, { 'content-type': type, ...(link === undefined ? {} : { link }) }).end(body);
  };

const API = `/v2/a/b/referrers/${IMAGE}`;
const TAG = `/v2/a/b/manifests/${IMAGE.replace(':', '-')}`;
const questions = (log: readonly string[]) => log.filter((line) => line !== 'GET /v2/');

test('referrers() reads all pages, follows relative and absolute links, and filters by itself', async (t) => {
  const [one, two, three] = [digestOf('1'), digestOf('2'), digestOf('3')];
  const stub = await startStub(
    t,
    pages({
      [API]: { body: index(entry(one), entry(digestOf('x'), 'other')), link: '<?page=2>; rel="next"' },
      [`${API}?page=2`]: { body: index(entry(two)), link: `<http://elsewhere.example${API}?page=3>; rel=next` },
      [`${API}?page=3`]: { body: index(entry(three), entry(one)), link: `<${API}>; rel="prev"` },
    }),
  );
  const isWanted = ({ artifactType }: { readonly artifactType: string | undefined }) => artifactType === TYPE;
  const { referrers, isCut } = await clientOf(t, stub.host).referrers({ ...WISH, isWanted });
  assert.deepEqual([referrers.map(({ digest }) => digest), isCut], [[one, two, three], false]);
  assert.equal(questions(stub.log).length, 3);
});

test('referrers() stops at the limit, and at a list that never ends', async (t) => {
  const many = Array.from({ length: 5 }, (_, number) => entry(digestOf(String(number))));
  const stub = await startStub(t, pages({ [API]: { body: index(...many), link: `<${API}>; rel="next"` } }));
  const cut = await clientOf(t, stub.host).referrers({ ...WISH, limit: 3 });
  assert.deepEqual([cut.referrers.length, cut.isCut], [3, true]);
  assert.equal(questions(stub.log).length, 1);
  const endless = await clientOf(t, stub.host).referrers(WISH);
  assert.deepEqual([endless.referrers.length, endless.isCut], [5, true]);
  assert.equal(questions(stub.log).length, 1 + 16);
});

for (const [name, page] of Object.entries({
  'answers 404': { status: 404 },
  'answers 400': { status: 400 },
  'answers with a page for people': { type: 'text/html', body: '<html>' },
} satisfies Record<string, Page>)) {
  test(`referrers() takes the tag of the image when the registry ${name}, and asks for no list again`, async (t) => {
    const stub = await startStub(t, pages({ [API]: page, [TAG]: { body: index(entry(digestOf('1'))) } }));
    const client = clientOf(t, stub.host);
    const { referrers } = await client.referrers(WISH);
    assert.deepEqual(
      referrers.map(({ digest }) => digest),
      [digestOf('1')],
    );
    const other = await client.referrers({ ...WISH, digest: digestOf('other') });
    assert.deepEqual(other, { referrers: [], isCut: false });
    const [api, tag, otherTag, ...more] = questions(stub.log);
    assert.deepEqual([api, tag, more], [`GET ${API}`, `GET ${TAG}`, []]);
    assert.match(otherTag ?? '', /^GET \/v2\/a\/b\/manifests\/sha256-/);
  });
}

test('referrers() asks for no tag of a registry that lists nothing', async (t) => {
  const stub = await startStub(t, pages({ [API]: { body: index() }, [TAG]: { body: index(entry(digestOf('1'))) } }));
  assert.deepEqual(await clientOf(t, stub.host).referrers(WISH), { referrers: [], isCut: false });
  assert.deepEqual(questions(stub.log), [`GET ${API}`]);
});

test('referrers() reports a registry that fails, after two tries', async (t) => {
  const stub = await startStub(t, pages({ [API]: { status: 500 } }));
  await assert.rejects(
    clientOf(t, stub.host).referrers(WISH),
    (error) =>
      error instanceof Failure && error.status === EXIT.unavailable && /cannot list the referrers/.test(error.message),
  );
  assert.equal(questions(stub.log).length, 2);
});

test('referrers() refuses a list that is no index, and passes over entries that are no manifests', async (t) => {
  const odd = [{ digest: 'sha256:short' }, { ...entry(digestOf('i')), mediaType: MEDIA_TYPE.index }, 7];
  const bodies = ['{', '[]', JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, layers: [] })];
  for (const body of bodies) {
    const stub = await startStub(t, pages({ [API]: { body } }));
    await assert.rejects(
      clientOf(t, stub.host).referrers(WISH),
      (error) => error instanceof Failure && error.status === EXIT.dataRefused,
      body,
    );
  }
  const stub = await startStub(t, pages({ [API]: { body: JSON.stringify({ schemaVersion: 2, manifests: odd }) } }));
  assert.deepEqual((await clientOf(t, stub.host).referrers(WISH)).referrers, []);
});

test('referrers() asks nobody but the registry, wherever a link leads', async (t) => {
  const stranger = await startStub(t, pages({}));
  let link = '';
  const stub = await startStub(t, ({ url }, response) => {
    response.writeHead(200, { 'content-type': MEDIA_TYPE.index, ...(url === API ? { link } : {}) }).end(index());
  });
  const client = clientOf(t, stub.host);
  const odd = fc.constantFrom(
    `//${stranger.host}/x`,
    `http://h//${stranger.host}/x`,
    `/\\${stranger.host}/x`,
    'http://',
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof(odd, fc.webUrl(), fc.string()), async (target) => {
      link = `<${target.replace(/[^\u0021-\u003d\u003f-\u007e]/g, '')}>; rel="next"`;
      await client.referrers(WISH).catch((error: unknown) => assert.ok(error instanceof Failure, String(error)));
    }),
  );
  assert.deepEqual(stranger.log, []);
});

test('signedMessages() asks only a registry that says it has the extension, and takes what has the known form', async (t) => {
  const path = `/extensions/v2/a/b/signatures/${IMAGE}`;
  const content = Buffer.from('signed').toString('base64');
  const known = { schemaVersion: 2, type: 'atomic', name: `${IMAGE}@1`, content };
  const signatures = [
    known,
    { ...known, type: 'other' },
    { ...known, schemaVersion: 1 },
    { ...known, content: 1 },
    null,
  ];
  let extension: string | undefined = '0';
  const stub = await startStub(t, ({ url }, response) => {
    if (extension !== undefined) response.setHeader('X-Registry-Supports-Signatures', extension);
    if (url === path) return void response.end(JSON.stringify({ signatures }));
    response.writeHead(200, { 'content-type': MEDIA_TYPE.index }).end(index());
  });
  const client = clientOf(t, stub.host);
  await client.referrers(WISH);
  assert.deepEqual(await client.signedMessages('a/b', IMAGE), []);
  assert.ok(!stub.log.includes(`GET ${path}`));
  extension = '1';
  await client.referrers(WISH);
  assert.deepEqual((await client.signedMessages('a/b', IMAGE)).map(String), ['signed']);
});
