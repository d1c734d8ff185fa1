// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EXIT, Failure } from '@rkt/exit';
import { isolatorsOf, parseImageManifest } from '../src/index.ts';
import { fullManifest, parse, smallManifest } from './manifests.ts';

/** A refusal of data in one line that names the document. */
function refused(pattern: RegExp) {
  return (error: unknown): true => {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.status, EXIT.dataRefused);
    assert.match(error.message, /^cannot read manifest "x"[^\n]+$/);
    assert.match(error.message, pattern);
    return true;
  };
}

const withApp = (keys: object): object => smallManifest({ app: { exec: ['/a'], user: '0', group: '0', ...keys } });

test('parseImageManifest() reads all keys of the specification, and passes over others', () => {
  const manifest = fullManifest();
  const found = parse({ ...manifest, future: { a: 1 }, app: { ...manifest.app, other: true } });
  const [, ports] = [found.labels, found.app?.ports];
  assert.deepEqual(ports?.[0], { name: 'health', port: 4000, protocol: 'tcp', count: 1, socketActivated: true });
  assert.deepEqual(found.dependencies, manifest['dependencies']);
  assert.deepEqual(found.pathWhitelist, manifest['pathWhitelist']);
  assert.deepEqual(found.app?.eventHandlers, manifest.app['eventHandlers']);
  assert.equal('future' in found, false);
});

test('parseImageManifest() takes lists that are missing or null for empty', () => {
  const lists = { labels: null, dependencies: null, pathWhitelist: null, annotations: null, app: null };
  assert.deepEqual(parse(smallManifest(lists)), { ...parse(smallManifest()), app: undefined });
  const inApp = { environment: null, mountPoints: null, ports: null, isolators: null, eventHandlers: null };
  assert.deepEqual(parse(withApp({ ...inApp, exec: null, supplementaryGIDs: null, userLabels: null })).app?.exec, []);
});

test('parseImageManifest() refuses what the specification does not allow', () => {
  const label = (name: string, value: unknown) => ({ labels: [{ name, value }] });
  const cases: [object, RegExp][] = [
    [{ acKind: 'PodManifest' }, /acKind/],
    [{ acVersion: '1' }, /acVersion: expected a semantic version/],
    [{ acVersion: undefined }, /acVersion/],
    [{ name: 'Example.com/x' }, /name: expected an AC identifier/],
    [{ name: '../x' }, /name/],
    [{ name: undefined }, /name/],
    [label('name', 'x'), /no label "name"/],
    [label('version', 1), /labels\.0\.value/],
    [label('os', 'windows'), /bad os "windows": must be one of linux, /],
    [label('os', '__proto__'), /bad os "__proto__"/],
    [label('os', 'constructor'), /bad os/],
    [label('arch', 'amd64'), /an arch needs an os/],
    [{ labels: [...label('os', 'linux').labels, ...label('arch', 'x86_64').labels] }, /bad arch "x86_64" for linux/],
    [{ labels: [...label('a', '1').labels, ...label('a', '1').labels] }, /each name once/],
    [{ labels: {} }, /labels/],
    [label('version', 'x'.repeat(8200)), /labels: expected no more than 8192 characters/],
    [{ labels: Array.from({ length: 101 }, (_, n) => ({ name: `l${n}`, value: '' })) }, /labels/],
    [{ pathWhitelist: ['etc/passwd'] }, /pathWhitelist\.0: expected an absolute path/],
    [{ pathWhitelist: ['/a/../b'] }, /without "\.\."/],
    [{ pathWhitelist: ['/a\0b'] }, /NUL/],
    [{ dependencies: [{ imageName: 'a b' }] }, /dependencies\.0\.imageName/],
    [{ dependencies: [{ imageName: 'a', imageID: 'sha512-abcd' }] }, /imageID: expected sha512-/],
    [{ dependencies: [{ imageName: 'a', imageID: `sha256-${'ab'.repeat(32)}` }] }, /imageID/],
    [{ dependencies: [{ imageName: 'a', size: -1 }] }, /size/],
    [{ dependencies: Array.from({ length: 127 }, () => ({ imageName: 'a' })) }, /dependencies/],
    [{ annotations: [{ name: 'created', value: 'yesterday' }] }, /bad created/],
    [{ annotations: [{ name: 'homepage', value: 'javascript:alert(1)' }] }, /bad homepage/],
    [{ annotations: [{ name: 'documentation', value: 'docs' }] }, /bad documentation/],
  ];
  for (const [keys, pattern] of cases)
    assert.throws(() => parse(smallManifest(keys)), refused(pattern), String(pattern));
});

test('parseImageManifest() refuses an app that could not be run as it says', () => {
  const cases: [object, RegExp][] = [
    [{ user: undefined }, /app\.user/],
    [{ group: '' }, /app\.group/],
    [{ user: 0 }, /app\.user/],
    [{ exec: ['', 'x'] }, /expected a program/],
    [{ exec: ['/a\0b'] }, /NUL/],
    [{ exec: '/a' }, /app\.exec/],
    [{ workingDirectory: 'opt' }, /workingDirectory/],
    [{ workingDirectory: '/opt/../..' }, /workingDirectory/],
    [{ environment: [{ name: 'A B', value: '' }] }, /the name of a variable/],
    [{ environment: [{ name: '', value: '' }] }, /the name of a variable/],
    [{ environment: [{ name: 'A', value: 'a\0b' }] }, /NUL/],
    [{ mountPoints: [{ name: 'a.b', path: '/x' }] }, /mountPoints\.0\.name/],
    [{ mountPoints: [{ name: 'a', path: 'x' }] }, /mountPoints\.0\.path/],
    [{ mountPoints: [{ name: 'a', path: '/x', readOnly: 'true' }] }, /readOnly/],
    [{ ports: [{ name: 'a', protocol: 'tcp', port: 0 }] }, /ports\.0\.port/],
    [{ ports: [{ name: 'a', protocol: 'tcp', port: 65535, count: 2 }] }, /no port above 65535/],
    [{ ports: [{ name: 'a', port: 80 }] }, /protocol/],
    [{ supplementaryGIDs: [-1] }, /supplementaryGIDs/],
    [{ supplementaryGIDs: [4294967295] }, /supplementaryGIDs/],
    [{ supplementaryGIDs: ['0'] }, /supplementaryGIDs/],
    [{ eventHandlers: [{ name: 'pre-stop', exec: ['/x'] }] }, /eventHandlers/],
    [{ eventHandlers: [{ name: 'pre-start', exec: [] }] }, /eventHandlers/],
    [{ eventHandlers: [1, 2].map(() => ({ name: 'pre-start', exec: ['/x'] })) }, /each name once/],
    [{ userLabels: { a: 1 } }, /userLabels/],
  ];
  for (const [keys, pattern] of cases) assert.throws(() => parse(withApp(keys)), refused(pattern), String(pattern));
});

test('parseImageManifest() refuses known isolators that are malformed or contradict each other', () => {
  const retain = { set: ['CAP_KILL'] };
  const calls = { set: ['@appc.io/all', 'read'] };
  const cases: [(readonly [string, unknown])[], RegExp][] = [
    [[['resource/memory', { limit: 'much' }]], /expected a quantity/],
    [[['resource/memory', { limit: '1G', default: true }]], /default/],
    [[['resource/network-bandwidth', { limit: '1G', default: false }]], /default/],
    [[['resource/cpu', null]], /resource\/cpu/],
    [[['os/linux/capabilities-retain-set', { set: [] }]], /set/],
    [[['os/linux/capabilities-retain-set', { set: ['kill'] }]], /set/],
    [[['os/linux/capabilities-retain-set', retain], ['os/linux/capabilities-remove-set', retain]], /cannot have both/],
    [[['os/linux/seccomp-retain-set', calls], ['os/linux/seccomp-remove-set', calls]], /cannot have both/],
    [[['os/linux/seccomp-retain-set', calls], ['os/linux/seccomp-retain-set', calls]], /is given twice/],
    [[['os/linux/seccomp-retain-set', { ...calls, errno: 'PERM' }]], /errno/],
    [[['os/linux/no-new-privileges', 'true']], /no-new-privileges/],
    [[['os/linux/cpu-shares', 1]], /cpu-shares/],
    [[['os/linux/oom-score-adj', -1001]], /oom-score-adj/],
    [[['Resource', {}]], /isolators\.0\.name/],
  ]; // prettier-ignore
  for (const [isolators, pattern] of cases) {
    const list = isolators.map(([name, value]) => ({ name, value }));
    assert.throws(() => parse(withApp({ isolators: list })), refused(pattern), String(pattern));
  }
});

test('isolatorsOf() says what the isolators of an app mean', () => {
  const { app } = parse(
    withApp({
      isolators: [
        { name: 'resource/memory', value: { limit: '1G' } },
        { name: 'resource/memory', value: { request: '1Mi', limit: '42Mi' } },
        { name: 'resource/cpu', value: { request: '1' } },
        { name: 'os/linux/cpu-shares', value: 512 },
        { name: 'os/linux/no-new-privileges', value: true },
        { name: 'os/linux/seccomp-remove-set', value: { set: ['mount'], errno: 'ENOSYS' } },
        { name: 'os/linux/apparmor-profile', value: 'x' },
        { name: 'example.com/unknown', value: [1] },
      ],
    }),
  );
  assert.ok(app);
  assert.deepEqual(isolatorsOf(app, 'x'), {
    memory: '42Mi',
    cpu: undefined,
    cpuShares: 512,
    oomScoreAdj: undefined,
    capabilities: undefined,
    seccomp: { mode: 'remove', set: ['mount'], errno: 'ENOSYS' },
    ignored: ['os/linux/apparmor-profile', 'example.com/unknown'],
  });
});

test('parseImageManifest() refuses documents that are no JSON, ambiguous, too deep or too large', () => {
  const wrong = ['', '{', '[]', 'null', '"x"', '{"acKind":"ImageManifest","acKind":"ImageManifest"}', '{"__proto__":{}}',
    '['.repeat(65) + ']'.repeat(65), `{"a":"${'x'.repeat(4 * 1024 * 1024)}"}`]; // prettier-ignore
  for (const text of wrong) assert.throws(() => parseImageManifest(Buffer.from(text), 'manifest "x"'), refused(/./));
  assert.throws(() => parseImageManifest(Buffer.from([0x7b, 0xff, 0x7d]), 'manifest "x"'), refused(/not UTF-8/));
});

test('parseImageManifest() takes a manifest with one value replaced by any other, or refuses it in one line', () => {
  const text = JSON.stringify(fullManifest());
  // Where a value begins in the text, found by what may stand before it.
  const places = [...text.matchAll(/[:[,](?=["{[\dtf])/g)].map(({ index }) => index + 1);
  fc.assert(
    fc.property(fc.constantFrom(...places), fc.jsonValue({ maxDepth: 3 }), (at, value) => {
      const old = /^(?:"(?:[^"\\]|\\.)*"|\d+|true|false|\{\}|\[\]|\{|\[)/.exec(text.slice(at))?.[0] ?? '';
      const changed = `${text.slice(0, at)}${JSON.stringify(value)}${text.slice(at + old.length)}`;
      try {
        parseImageManifest(Buffer.from(changed), 'manifest "x"');
      } catch (error) {
        refused(/./)(error);
      }
    }),
    { numRuns: 2000 },
  );
});
