// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import fc from 'fast-check';
import { imageNameOf, makeStrictReader, type ImageName, type TrustDirectories } from '../src/index.ts';
import { collectTrust } from '../src/trust-store.ts';
import { docker, fingerprint, misconfigured, trustDirectories, write } from './fixture.ts';

const [A, B, C] = [fingerprint('a'), fingerprint('b'), fingerprint('c')];

type Place = readonly [keyof TrustDirectories, ...string[]];
const put = (directories: TrustDirectories, [which, ...path]: Place, content = 'key') =>
  write(join(directories[which], 'trustedkeys', ...path), content);

const sources = (directories: TrustDirectories, name: ImageName) =>
  collectTrust(makeStrictReader(), directories, name)
    .authorities.map(({ source }) => source)
    .toSorted();

test('collectTrust() finds keys for every name and for whole leading components of this one', (t) => {
  const directories = trustDirectories(t);
  const root = put(directories, ['local', 'root.d', A]);
  const host = put(directories, ['local', 'prefix.d', 'example.com', B]);
  const foo = put(directories, ['system', 'prefix.d', 'example.com', 'foo', C]);
  const all = [root, host, foo].toSorted();
  assert.deepEqual(sources(directories, docker('example.com/foo')), all);
  assert.deepEqual(sources(directories, docker('example.com/foo/bar:1')), all);
  assert.deepEqual(sources(directories, docker('EXAMPLE.com/foo/bar')), all);
  assert.deepEqual(sources(directories, docker('example.com/foobar')), [root, host].toSorted());
  assert.deepEqual(sources(directories, docker('example.com/fo')), [root, host].toSorted());
  assert.deepEqual(sources(directories, docker('example.com:5000/foo')), [root]);
  assert.deepEqual(sources(directories, docker('sub.example.com/foo')), [root]);
});

test('collectTrust() never takes a key of one prefix for a name that it does not lead component by component', (t) => {
  const directories = trustDirectories(t);
  const component = fc.constantFrom('a', 'ab', 'a-b', 'b', 'a.b', 'x');
  const path = fc.array(component, { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(path, path, (prefix, name) => {
      const own = { ...directories, local: join(directories.local, prefix.join('_')) };
      put(own, ['local', 'prefix.d', 'example.com', ...prefix, A]);
      const isLead = prefix.every((part, index) => part === name[index]);
      assert.equal(sources(own, docker(`example.com/${name.join('/')}`)).length, isLead ? 1 : 0);
    }),
    { numRuns: 50 },
  );
});

test('collectTrust() finds nothing but keys for every name for layouts and for images without a name', (t) => {
  const directories = trustDirectories(t);
  const root = put(directories, ['local', 'root.d', A]);
  put(directories, ['local', 'prefix.d', 'example.com', B]);
  for (const name of [
    imageNameOf({ kind: 'oci', path: 'example.com/foo', tag: undefined }, undefined),
    imageNameOf({ kind: 'id', prefix: 'sha256:00000000' }, undefined),
    imageNameOf({ kind: 'id', prefix: 'sha256:00000000' }, 'no reference at all'),
    imageNameOf({ kind: 'id', prefix: 'sha256:00000000' }, 'oci:/example.com/foo:1'),
  ]) {
    assert.deepEqual(sources(directories, name), [root]);
  }
  const stored = imageNameOf({ kind: 'id', prefix: 'sha256:00000000' }, 'example.com/foo:1');
  assert.equal(sources(directories, stored).length, 2);
});

test('collectTrust() lets an empty file take back what was collected before it, and no more', (t) => {
  const cases: readonly [key: Place, mask: Place, isMasked: boolean][] = [
    [['system', 'root.d', A], ['local', 'root.d', A], true],
    [['system', 'root.d', A], ['local', 'prefix.d', 'example.com', A], true],
    [['local', 'root.d', A], ['local', 'prefix.d', 'example.com', A], true],
    [['local', 'root.d', A], ['system', 'prefix.d', 'example.com', A], true],
    [['system', 'prefix.d', 'example.com', A], ['local', 'prefix.d', 'example.com', 'foo', A], true],
    [['system', 'prefix.d', 'example.com', 'foo', A], ['local', 'prefix.d', 'example.com', A], true],
    [['system', 'prefix.d', 'example.com', A], ['local', 'root.d', A], false],
    [['local', 'root.d', A], ['system', 'root.d', A], false],
    [['system', 'root.d', A], ['local', 'prefix.d', 'example.org', A], false],
    [['system', 'root.d', A], ['local', 'root.d', B], false],
  ];
  for (const [key, mask, isMasked] of cases) {
    const directories = trustDirectories(t);
    put(directories, key);
    const by = put(directories, mask, '');
    const { authorities, masked } = collectTrust(makeStrictReader(), directories, docker('example.com/foo/bar'));
    assert.equal(authorities.length, isMasked ? 0 : 1, `${key.join('/')} and ${mask.join('/')}`);
    assert.deepEqual(masked, isMasked ? [{ name: A, by }] : []);
  }
});

test('collectTrust() lets an empty file take back bare keys and identities as well', (t) => {
  const directories = trustDirectories(t);
  const trustedRoot = write(join(directories.local, 'roots', 'public.json'), '{}');
  const identity = JSON.stringify({ issuer: 'https://issuer.example.com', san: 'a@example.com', trustedRoot });
  const files = { [`${'1'.repeat(64)}.pub`]: 'key', 'ci.sigstore.json': identity };
  for (const [name, content] of Object.entries(files)) {
    put(directories, ['system', 'root.d', name], content);
    const by = put(directories, ['local', 'prefix.d', 'example.com', 'foo', name], '');
    const { masked } = collectTrust(makeStrictReader(), directories, docker('example.com/foo/bar'));
    assert.ok(masked.some((mask) => mask.name === name && mask.by === by));
  }
  assert.deepEqual(sources(directories, docker('example.com/foo/bar')), []);
  assert.equal(sources(directories, docker('example.com/foobar')).length, 2);
});

test('collectTrust() lets a later key of a masked name stand', (t) => {
  const directories = trustDirectories(t);
  put(directories, ['system', 'root.d', A]);
  put(directories, ['local', 'root.d', A], '');
  const again = put(directories, ['local', 'prefix.d', 'example.com', A]);
  assert.deepEqual(sources(directories, docker('example.com/x')), [again]);
  assert.deepEqual(collectTrust(makeStrictReader(), directories, docker('example.com/x')).masked, []);
});

test('collectTrust() reads bare keys and identities beside OpenPGP keys', (t) => {
  const directories = trustDirectories(t);
  const hex = '1'.repeat(64);
  put(directories, ['local', 'root.d', hex]);
  put(directories, ['local', 'root.d', `${hex}.pub`]);
  const trustedRoot = write(join(directories.local, 'roots', 'public.json'), '{}');
  const identity = { issuer: 'https://issuer.example.com', san: 'https://example.com/workflow', trustedRoot };
  put(directories, ['local', 'root.d', 'ci.sigstore.json'], JSON.stringify(identity));
  const { authorities } = collectTrust(makeStrictReader(), directories, docker('example.com/x'));
  assert.deepEqual(
    authorities.map(({ kind }) => kind),
    ['pgp', 'key', 'identity'],
  );
  const [, key, last] = authorities;
  assert.equal(key?.kind === 'key' && key.fingerprint, hex);
  assert.ok(last?.kind === 'identity');
  assert.deepEqual([last.san, last.root.bytes.toString()], [identity.san, '{}']);
});

test('collectTrust() refuses files whose names are none of keys, and passes over what a killed writer left', (t) => {
  for (const name of ['README', A.toUpperCase(), `${A}.pub`, `${A}~`, 'x.json', `.${A}`, '..sigstore.json']) {
    const directories = trustDirectories(t);
    put(directories, ['local', 'root.d', name]);
    const collect = () => sources(directories, docker('example.com/x'));
    assert.throws(collect, misconfigured(/its name is none of a key: wanted FINGERPRINT/), name);
  }
  const directories = trustDirectories(t);
  put(directories, ['local', 'root.d', `.${A}.0123456789ab.tmp`]);
  assert.deepEqual(sources(directories, docker('example.com/x')), []);
});

test('collectTrust() refuses identities with unknown or doubled keys, without a trusted root, with a pattern of none', (t) => {
  const good = '"issuer":"i","san":"s","trustedRoot"';
  for (const [text, message] of [
    [`{${good}:"/none/there"}`, /its trusted root "\/none\/there" is not there/],
    [`{${good}:"relative"}`, /wanted an absolute path/],
    [`{${good}:"/x","more":1}`, /more: /],
    [`{${good}:"/x","san":"t"}`, /the key "san" twice/],
    ['{"issuer":"i","trustedRoot":"/x"}', /san/],
    ['{"issuer":"i","san":"","trustedRoot":"/x"}', /wanted some text/],
    ['[]', /issuer/],
    ['{', /not JSON/],
  ] as const) {
    const directories = trustDirectories(t);
    put(directories, ['local', 'root.d', 'ci.sigstore.json'], text);
    assert.throws(() => sources(directories, docker('example.com/x')), misconfigured(message));
  }
});

test('collectTrust() refuses a store that others can write to, links and oversized keys', (t) => {
  const group = trustDirectories(t);
  put(group, ['local', 'root.d', A]);
  chmodSync(join(group.local, 'trustedkeys', 'root.d'), 0o2775);
  assert.throws(
    () => sources(group, docker('example.com/x')),
    misconfigured(/root\.d": it can be written by its group/),
  );
  const link = trustDirectories(t);
  const key = put(link, ['local', 'key']);
  mkdirSync(join(link.local, 'trustedkeys', 'root.d'), { mode: 0o755 });
  symlinkSync(key, join(link.local, 'trustedkeys', 'root.d', A));
  assert.throws(() => sources(link, docker('example.com/x')), misconfigured(/it is a symbolic link/));
  const large = trustDirectories(t);
  put(large, ['local', 'root.d', A], 'x'.repeat(256 * 1024 + 1));
  assert.throws(() => sources(large, docker('example.com/x')), misconfigured(/larger than 262144 bytes/));
});

test('collectTrust() takes a key whose name is a component of the name for no directory', (t) => {
  const directories = trustDirectories(t);
  const key = put(directories, ['local', 'prefix.d', 'example.com', A]);
  assert.deepEqual(sources(directories, docker(`example.com/${A}/x`)), [key]);
});
