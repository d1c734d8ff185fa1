// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { EXIT } from '@rkt/exit';
import { parseDigest, parseImageId } from '@rkt/names';
import { aciChainIds, checkDependency, resolveDependencies, type Aci, type Dependency } from '../src/index.ts';
import { parse, smallManifest } from './manifests.ts';

interface Spec {
  readonly dependencies?: readonly (string | object)[];
  readonly pathWhitelist?: readonly string[];
  readonly labels?: readonly { readonly name: string; readonly value: string }[];
}

const digestOf = (text: string) => parseDigest(`sha256:${createHash('sha256').update(text).digest('hex')}`);

/** Images by their names; a dependency is a name or an object of its own. */
function images(specs: Readonly<Record<string, Spec>>) {
  const all = new Map(
    Object.entries(specs).map(([name, { dependencies = [], ...keys }]) => {
      const wanted = dependencies.map((given) => (typeof given === 'string' ? { imageName: given } : given));
      const manifest = parse(smallManifest({ name, dependencies: wanted, ...keys }));
      const imageId = parseImageId(`sha512-${createHash('sha512').update(name).digest('hex')}`);
      return [
        name,
        { imageId, manifest, manifestDigest: digestOf(JSON.stringify(manifest)), blob: { digest: digestOf(name) } },
      ] as const;
    }),
  );
  const get = (name: string) => {
    const found = all.get(name);
    assert.ok(found, name);
    return found;
  };
  const find = (dependency: Dependency) => Promise.resolve(get(dependency.imageName));
  return { get, resolve: (name: string) => resolveDependencies(get(name), find) };
}

const namesOf = (layers: readonly { readonly aci: Aci }[]) => layers.map(({ aci }) => aci.manifest.name);
const REFUSED = { name: 'Failure', status: EXIT.dataRefused };

test('resolveDependencies() puts dependencies below, in their order, each with its own below it', async () => {
  const { resolve } = images({
    base: {}, lib: { dependencies: ['base'] }, tools: { dependencies: ['base'] }, app: { dependencies: ['lib', 'tools'] },
  }); // prettier-ignore
  // What `tools` has below it hides what `lib` says about the same files: the later dependency counts.
  assert.deepEqual(namesOf(await resolve('app')), ['base', 'lib', 'base', 'tools', 'app']);
  assert.deepEqual(namesOf(await resolve('base')), ['base']);
});

test('resolveDependencies() gives every ACI the whitelists of those that depend on it', async () => {
  const { resolve } = images({
    base: { pathWhitelist: ['/b', '/c'] }, lib: { dependencies: ['base'] }, app: { dependencies: ['lib'], pathWhitelist: ['/a', '/b'] },
  }); // prettier-ignore
  const [base, lib, app] = (await resolve('app')).map(({ whitelists }) => whitelists);
  assert.deepEqual(base, [['/a', '/b'], ['/b', '/c']]); // prettier-ignore
  assert.deepEqual([lib, app], [[['/a', '/b']], [['/a', '/b']]]);
});

test('resolveDependencies() refuses cycles, and more levels or images than its limits', async () => {
  const cycle = images({ a: { dependencies: ['b'] }, b: { dependencies: ['c'] }, c: { dependencies: ['a'] }, self: { dependencies: ['self'] } }); // prettier-ignore
  for (const name of ['a', 'self'])
    await assert.rejects(cycle.resolve(name), { ...REFUSED, message: /it depends on itself/ });
  const chain = (length: number) =>
    images(Object.fromEntries(Array.from({ length }, (_, n) => [`l${n}`, { dependencies: n + 1 < length ? [`l${n + 1}`] : [] }]))); // prettier-ignore
  assert.equal((await chain(17).resolve('l0')).length, 17);
  await assert.rejects(chain(18).resolve('l0'), { ...REFUSED, message: /nest deeper than 16 levels/ });
  const wide = (count: number) => images({ leaf: {}, top: { dependencies: Array(count).fill('leaf') } });
  assert.equal((await wide(126).resolve('top')).length, 127);
  // Two to the sixteenth of them, were they all looked at.
  const doubled = images(Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`d${n}`, { dependencies: n < 16 ? [`d${n + 1}`, `d${n + 1}`] : [] }]))); // prettier-ignore
  await assert.rejects(doubled.resolve('d0'), { ...REFUSED, message: /made of more than 127 images/ });
});

test('checkDependency() compares the name, and the id or else the labels', () => {
  const labels = [{ name: 'version', value: '1' }, { name: 'os', value: 'linux' }]; // prettier-ignore
  const { get } = images({ 'example.com/base': { labels } });
  const aci = get('example.com/base');
  const dependency = (keys: object) => {
    const [found] = parse(smallManifest({ dependencies: [{ imageName: 'example.com/base', ...keys }] })).dependencies;
    assert.ok(found);
    return found;
  };
  for (const keys of [{}, { labels: [labels[0]] }, { imageID: aci.imageId }, { imageID: aci.imageId.slice(0, 71) }, { imageID: aci.imageId, labels: [{ name: 'version', value: '2' }] }])
    checkDependency(aci, dependency(keys)); // prettier-ignore
  const wrong: [object, RegExp][] = [
    [{ imageName: 'example.com/other' }, /"example\.com\/other" expected but "example\.com\/base" found/],
    [{ imageID: `sha512-${'0'.repeat(64)}` }, /its id is sha512-[0-9a-f]{128}: wanted sha512-0{64}$/],
    [{ labels: [{ name: 'version', value: '2' }] }, /requested value for label "version": "2" differs from fetched aci label value: "1"/],
    [{ labels: [{ name: 'arch', value: 'amd64' }] }, /requested label "arch" not provided by the image manifest/],
  ]; // prettier-ignore
  for (const [keys, message] of wrong)
    assert.throws(() => checkDependency(aci, dependency(keys)), { ...REFUSED, message });
});

test('aciChainIds() are others for another image, file, manifest, whitelist or order', async () => {
  const { get } = images({ a: {}, b: {} });
  const [a, b] = [get('a'), get('b')];
  const layer = (aci: typeof a, whitelists: string[][] = []) => ({ aci, whitelists });
  const chains = [
    [layer(a), layer(b)],
    [layer(b), layer(a)],
    [layer(a), layer(b, [['/x']])],
    [layer(a), layer(b, [['/x'], ['/y']])],
    [layer(a, [['/x']]), layer(b)],
    [layer(a), layer({ ...b, manifestDigest: a.manifestDigest })],
    [layer(a), layer({ ...b, imageId: a.imageId })],
    [layer(a), layer({ ...b, blob: a.blob })],
  ].map(aciChainIds);
  assert.equal(new Set(chains.map((chain) => chain.at(-1))).size, chains.length);
  assert.deepEqual(aciChainIds([layer(a), layer(b)]), chains[0]);
  await Promise.resolve();
});
