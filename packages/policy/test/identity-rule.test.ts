// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { parseReference } from '@rkt/names';
import { imageNameOf } from '../src/index.ts';
import { nameProblem } from '../src/identity-rule.ts';
import { parseSignedName } from '../src/image-name.ts';
import { type IdentityRule } from '../src/requirement.ts';
import { docker } from './fixture.ts';

const D = `sha256:${'1'.repeat(64)}`;
const E = `sha256:${'2'.repeat(64)}`;

type Row = readonly [name: string, reference: string, fits: boolean];

function check(rule: IdentityRule, rows: readonly Row[], kind: 'simple-signing' | 'cosign' = 'simple-signing'): void {
  for (const [name, reference, fits] of rows) {
    const problem = nameProblem(rule, docker(name), { kind, reference });
    assert.equal(problem === undefined, fits, `${rule.type}: ${name} signed as ${reference}: ${problem ?? 'fits'}`);
  }
}

test('nameProblem() for matchExact wants the very same reference', () => {
  check({ type: 'matchExact' }, [
    ['example.com/a:1', 'example.com/a:1', true],
    ['example.com/a:1', 'example.com/a:2', false],
    ['example.com/a', 'example.com/a:latest', true],
    ['example.com/a:latest', 'example.com/a', false],
    [`example.com/a@${D}`, `example.com/a@${D}`, true],
    [`example.com/a@${D}`, 'example.com/a:1', false],
    ['busybox', 'docker.io/library/busybox:latest', true],
    ['example.com/a:1', 'example.com/a:1 ', false],
  ]);
});

test('nameProblem() for matchRepoDigestOrExact, the default, wants the same tag unless a digest says which bytes', () => {
  check({ type: 'matchRepoDigestOrExact' }, [
    ['example.com/a:1', 'example.com/a:1', true],
    ['example.com/a:1', 'example.com/a:2', false],
    ['example.com/a:1', 'example.com/a', false],
    ['example.com/a:1', `example.com/a@${D}`, false],
    [`example.com/a@${D}`, 'example.com/a:1', true],
    [`example.com/a@${D}`, `example.com/a@${E}`, true],
    [`example.com/a@${D}`, 'example.com/a', false],
    [`example.com/a@${D}`, 'example.com/b:1', false],
    [`example.com/a:1@${D}`, 'example.com/a:2', false],
    [`example.com/a:1@${D}`, 'example.com/a:1', true],
    ['example.com/a:1', 'example.com/aa:1', false],
  ]);
});

test('nameProblem() for matchRepository, exactReference and exactRepository compares what each says', () => {
  check({ type: 'matchRepository' }, [
    ['example.com/a:1', 'example.com/a:2', true],
    ['example.com/a:1', 'example.com/a', true],
    ['example.com/a:1', 'example.com/ab', false],
  ]);
  check({ type: 'exactReference', dockerReference: 'example.org/z:9' }, [
    ['example.com/a:1', 'example.org/z:9', true],
    ['example.com/a:1', 'example.com/a:1', false],
    ['example.com/a:1', 'example.org/z', false],
  ]);
  check({ type: 'exactReference', dockerReference: 'example.org/z' }, [['example.com/a:1', 'example.org/z', false]]);
  check({ type: 'exactRepository', dockerRepository: 'example.org/z' }, [
    ['example.com/a:1', 'example.org/z:9', true],
    ['example.com/a:1', 'example.org/z', true],
    ['example.com/a:1', 'example.com/a', false],
  ]);
});

test('nameProblem() for remapIdentity exchanges whole leading components', () => {
  check({ type: 'remapIdentity', prefix: 'mirror.example.com/x', signedPrefix: 'example.org' }, [
    ['mirror.example.com/x/a:1', 'example.org/a:1', true],
    ['mirror.example.com/x/a:1', 'mirror.example.com/x/a:1', false],
    ['mirror.example.com/xa:1', 'example.orga:1', false],
    ['mirror.example.com/xa:1', 'mirror.example.com/xa:1', true],
    ['mirror.example.com/x/a:1', 'example.org/a:2', false],
  ]);
});

test('nameProblem() for keys of the trust store wants the name that was signed to be that of the image', () => {
  check({ type: 'prefix' }, [
    ['example.com/a:1', 'example.com/a:1', true],
    ['example.com/a:1', 'example.com/a:2', false],
    ['example.com/a:1', 'example.com/b:1', false],
    [`example.com/a@${D}`, 'example.com/a:7', true],
  ]);
  const rows: readonly Row[] = [
    ['example.com/a:1', 'example.com/a', true],
    ['example.com/a:1', 'example.com/b', false],
  ];
  check({ type: 'prefix' }, rows, 'cosign');
  const nothing = { kind: 'simple-signing', reference: undefined } as const;
  assert.match(nameProblem({ type: 'prefix' }, docker('example.com/a'), nothing) ?? '', /names no image/);
});

test('nameProblem() has nothing to compare in bundles for the trust store, and refuses them where a rule wants a name', () => {
  const bundle = { kind: 'bundle', reference: undefined } as const;
  assert.equal(nameProblem({ type: 'prefix' }, docker('example.com/a'), bundle), undefined);
  for (const type of ['matchExact', 'matchRepoDigestOrExact', 'matchRepository'] as const) {
    assert.match(nameProblem({ type }, docker('example.com/a'), bundle) ?? '', /names no image/);
  }
});

test('imageNameOf() names an image in appc\u2019s format by its name and version, wherever it lies', () => {
  const name = { transport: 'appc', path: 'example.com/app', tag: '2', digest: undefined } as const;
  const stored = 'cimd:appc:v=0:example.com/app?os=linux&version=2';
  assert.deepEqual(imageNameOf(parseReference('example.com/app:2'), undefined), name);
  for (const reference of ['/tmp/app.aci', 'https://example.org/other.aci', `sha512-${'1'.repeat(64)}`])
    assert.deepEqual(imageNameOf(parseReference(reference), stored), name, reference);
  assert.equal(imageNameOf(parseReference('/tmp/app.aci'), undefined).transport, 'none');
});

test('nameProblem() lets no rule about names of registries hold for a layout', () => {
  const layout = imageNameOf({ kind: 'oci', path: 'example.com/a', tag: '1' }, undefined);
  const claimed = { kind: 'simple-signing', reference: 'example.com/a:1' } as const;
  for (const type of ['matchExact', 'matchRepoDigestOrExact', 'matchRepository'] as const) {
    assert.notEqual(nameProblem({ type }, layout, claimed), undefined);
  }
  assert.equal(nameProblem({ type: 'exactReference', dockerReference: 'example.com/a:1' }, layout, claimed), undefined);
});

test('parseSignedName() invents no tag, and throws at nothing', () => {
  assert.partialDeepStrictEqual(parseSignedName('example.com:5000/a'), { path: 'example.com:5000/a' });
  assert.equal(parseSignedName('example.com:5000/a')?.tag, undefined);
  assert.equal(parseSignedName('example.com/a:latest')?.tag, 'latest');
  assert.equal(parseSignedName(`example.com/a@${D}`)?.tag, undefined);
  assert.equal(parseSignedName(`example.com/a:1@${D}`)?.tag, '1');
  assert.equal(parseSignedName('example.com/A'), undefined);
  fc.assert(fc.property(fc.string(), (text) => void parseSignedName(text)));
});
