// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EXIT } from '@rkt/exit';
import { isAcIdentifier, type AcIdentifier } from '@rkt/names';
import { discover, discoverPublicKeys, isPrefixOf } from '../src/index.ts';

function nameOf(text: string): AcIdentifier {
  assert.ok(isAcIdentifier(text), text);
  return text;
}

/** Pages by address, and the addresses that were asked for. */
function site(pages: Readonly<Record<string, string>>) {
  const asked: string[] = [];
  const get = async (url: string): Promise<string | undefined> => {
    asked.push(url);
    return Promise.resolve(pages[url.replace(/^https:\/\//, '').replace(/\?ac-discovery=1$/, '')]);
  };
  return { asked, get };
}

const page = (...templates: readonly string[]) =>
  `<html><head>${templates.map((content) => `<meta name="ac-discovery" content="${content}">`).join('\n')}</head></html>`;

const defaults = { os: 'linux', arch: 'amd64' };
const name = nameOf('example.com/reduce-worker');
const version = (value: string) => [{ name: nameOf('version'), value }];
const STORE = 'example.com https://storage.example.com';

test('discover() fills the template of a page', async () => {
  const { asked, get } = site({ 'example.com/reduce-worker': page(`${STORE}/{os}/{arch}/{name}-{version}.{ext}`) });
  const found = await discover({ name, labels: version('1.0.0'), defaults }, get);
  const aci = 'https://storage.example.com/linux/amd64/example.com/reduce-worker-1.0.0.aci';
  assert.deepEqual(found, [{ aci, signature: `${aci}.asc` }]);
  assert.deepEqual(asked, ['https://example.com/reduce-worker?ac-discovery=1']);
});

test('discover() takes the templates into which most labels go, in their order', async () => {
  const { get } = site({
    'example.com/reduce-worker': page(
      `${STORE}/{os}/{arch}/{name}-latest.{ext}`,
      `${STORE}/{os}/{arch}/{name}-{version}.{ext}`,
      'example.com https://mirror.example.com/{os}/{arch}/{name}-{version}.{ext}',
      `${STORE}/{flavor}/{os}/{arch}/{name}-{version}.{ext}`,
      `${STORE}/{os}/{arch}/{name}-{version}`,
    ),
  });
  const urls = async (labels: ReturnType<typeof version>) =>
    (await discover({ name, labels, defaults }, get)).map(({ aci }) => aci);
  assert.deepEqual(await urls(version('2')), [
    'https://storage.example.com/linux/amd64/example.com/reduce-worker-2.aci',
    'https://mirror.example.com/linux/amd64/example.com/reduce-worker-2.aci',
  ]);
  assert.deepEqual(await urls([]), ['https://storage.example.com/linux/amd64/example.com/reduce-worker-latest.aci']);
  assert.deepEqual(await urls([...version('2'), { name: nameOf('flavor'), value: 'x' }]), [
    'https://storage.example.com/x/linux/amd64/example.com/reduce-worker-2.aci',
  ]);
});

test('discover() fills in "latest" where every template wants a version and nobody asked for one', async () => {
  const { get } = site({ 'example.com': page(`${STORE}/{name}-{version}.{ext}`) });
  const [found] = await discover({ name, labels: [], defaults }, get);
  assert.equal(found?.aci, 'https://storage.example.com/example.com/reduce-worker-latest.aci');
});

test('discover() walks up from the name to its host, past pages without a tag for it', async () => {
  const deep = nameOf('example.com/a/b/c');
  const { asked, get } = site({
    'example.com/a/b': '<html><head></head></html>',
    'example.com/a': page(
      'example.com/other https://x.example/{name}.{ext}',
      'example.com/a/bb https://x.example/{ext}',
    ),
    'example.com': page(`${STORE}/{name}.{ext}`),
  });
  const [found] = await discover({ name: deep, labels: [], defaults }, get);
  assert.equal(found?.aci, 'https://storage.example.com/example.com/a/b/c.aci');
  const paths = ['example.com/a/b/c', 'example.com/a/b', 'example.com/a', 'example.com'];
  assert.deepEqual(asked, paths.map((path) => `https://${path}?ac-discovery=1`)); // prettier-ignore
});

test('discover() fails in one line if no page has a tag, or none of the templates can be filled', async () => {
  const nothing = { name: 'Failure', status: EXIT.notFound };
  await assert.rejects(discover({ name, labels: [], defaults }, site({}).get), {
    ...nothing,
    message:
      /^cannot discover image "example\.com\/reduce-worker": no page of it or above it has a meta tag "ac-discovery" for it$/,
  });
  const odd = ['/{secret}.{ext}', '/{}.{ext}', '/{__proto__}.{ext}', '/{constructor}.{ext}'].map(
    (path) => `${STORE}${path}`,
  );
  const schemes = [
    'hdfs://h/{name}.{ext}',
    'file:///etc/{ext}',
    'https://u:p@h.example/{ext}',
    'https://{ext}:x/',
    '/{name}.{ext}',
  ];
  const pages = { 'example.com/reduce-worker': page(...odd, ...schemes.map((url) => `example.com ${url}`)) };
  await assert.rejects(discover({ name, labels: [], defaults }, site(pages).get), {
    ...nothing,
    message: /no template can be filled/,
  });
});

test('discover() keeps the values of labels where the template puts them', async () => {
  const { get } = site({ 'example.com': page('example.com https://h.example/x/{version}/y.{ext}') });
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string(), fc.constantFrom('..', '.', '../../a', 'a/../..', '@evil.example', '//evil.example', '?x', '#x', '\\..\\', '%2e%2e')), async (value) => {
      let found: string | undefined;
      try {
        [{ aci: found } = { aci: undefined }] = await discover({ name, labels: version(value), defaults }, get);
      } catch (error) {
        assert.equal(error instanceof Error && error.name, 'Failure');
        return;
      }
      const url = new URL(found ?? '');
      assert.equal(url.host, 'h.example');
      assert.match(url.pathname, /^\/x\/[^/]+\/y\.aci$/);
      assert.equal(decodeURIComponent(url.pathname.slice(3, -6)), value);
      assert.equal(url.search + url.hash, '');
    }),
    { numRuns: 1000 },
  ); // prettier-ignore
});

test('discoverPublicKeys() finds the addresses of keys by the same walk', async () => {
  const tags = '<meta name="ac-discovery-pubkeys" content="example.com https://example.com/pubkeys.gpg">'.repeat(2);
  const { get } = site({ 'example.com/reduce-worker': page(`${STORE}/{ext}`), 'example.com': tags });
  assert.deepEqual(await discoverPublicKeys(name, get), Array(2).fill('https://example.com/pubkeys.gpg'));
});

test('isPrefixOf() counts whole components', () => {
  for (const prefix of ['example.com', 'example.com/', 'example.com/foo', 'example.com/foo/', 'example.com/foo/bar'])
    assert.ok(isPrefixOf(prefix, 'example.com/foo/bar'), prefix);
  for (const prefix of ['', '/', 'example.co', 'example.com/fo', 'example.com/foo/ba', 'example.com/foo/bar/', 'foo'])
    assert.ok(!isPrefixOf(prefix, 'example.com/foo/bar'), prefix);
});
