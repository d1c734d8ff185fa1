// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Claims } from '@rkt/signatures';
import { attestationProblem } from '../src/attestation.ts';
import { readProvenance } from '../src/provenance.ts';

const [V1, V0_2] = ['https://slsa.dev/provenance/v1', 'https://slsa.dev/provenance/v0.2'];

/** Provenance as the workflows of GitHub make it. */
const ofGithub = {
  buildDefinition: {
    buildType: 'https://actions.github.io/buildtypes/workflow/v1',
    externalParameters: {
      workflow: { ref: 'refs/heads/main', repository: 'https://github.com/team/web', path: 'x.yml' },
    },
    resolvedDependencies: [
      { uri: 'git+https://github.com/other/web@refs/heads/main', digest: { gitCommit: 'b'.repeat(40) } },
      { uri: 'git+https://github.com/team/web@refs/heads/main', digest: { gitCommit: 'a'.repeat(40) } },
    ],
  },
  runDetails: { builder: { id: 'https://github.com/actions/runner' }, metadata: { startedOn: '2026-01-01T00:00:00Z' } },
};

/** Provenance as BuildKit makes it. */
const ofBuildkit = {
  builder: { id: 'https://ci.example.com/1' },
  buildType: 'https://mobyproject.org/buildkit@v1',
  invocation: { configSource: { uri: 'https://git.example.com/web.git#main', digest: { sha1: 'c'.repeat(40) } } },
  metadata: { buildStartedOn: '2026-02-02T00:00:00Z' },
  materials: [{ uri: 'pkg:docker/busybox@1', digest: { sha256: 'd'.repeat(64) } }, { digest: {} }, 7],
};

test('readProvenance() reads version 1 and 0.2', () => {
  assert.deepEqual(readProvenance(V1, ofGithub), {
    builderId: 'https://github.com/actions/runner',
    buildType: 'https://actions.github.io/buildtypes/workflow/v1',
    sources: ['https://github.com/team/web'],
    revision: 'a'.repeat(40),
    startedOn: '2026-01-01T00:00:00Z',
    materials: [
      { uri: 'git+https://github.com/other/web@refs/heads/main', digest: `gitCommit:${'b'.repeat(40)}` },
      { uri: 'git+https://github.com/team/web@refs/heads/main', digest: `gitCommit:${'a'.repeat(40)}` },
    ],
  });
  assert.deepEqual(readProvenance(V0_2, ofBuildkit), {
    builderId: 'https://ci.example.com/1',
    buildType: 'https://mobyproject.org/buildkit@v1',
    sources: ['https://git.example.com/web.git#main'],
    revision: 'c'.repeat(40),
    startedOn: '2026-02-02T00:00:00Z',
    materials: [{ uri: 'pkg:docker/busybox@1', digest: `sha256:${'d'.repeat(64)}` }],
  });
});

test('readProvenance() reads each version by its own names, and no other type', () => {
  for (const [type, predicate] of [
    [V1, ofBuildkit],
    [V0_2, ofGithub],
  ] as const) {
    const read = readProvenance(type, predicate);
    assert.deepEqual(
      [read?.builderId, read?.buildType, read?.sources, read?.materials],
      [undefined, undefined, [], []],
    );
  }
  assert.equal(readProvenance('https://slsa.dev/provenance/v1.0', ofGithub), undefined);
});

test('readProvenance() takes any JSON, inherits nothing, and reads no more than 1000 materials', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(V1, V0_2), (predicate, type) => {
      const read = readProvenance(type, predicate);
      assert.ok(read !== undefined && Array.isArray(read.materials));
    }),
  );
  const inherited: unknown = Object.create(ofBuildkit);
  assert.equal(readProvenance(V0_2, inherited)?.builderId, undefined);
  const materials = Array.from({ length: 10_000 }, (_, number) => ({ uri: `pkg:${number}` }));
  assert.equal(readProvenance(V0_2, { materials })?.materials.length, 1000);
});

const claims = (predicateType: string, predicate: unknown): Claims => ({
  digest: undefined,
  reference: undefined,
  statement: undefined,
  predicateType,
  predicate,
});
const nothing = { builderId: undefined, buildType: undefined, sourceUri: undefined };

test('attestationProblem() compares every member that is wanted as it is', () => {
  const wanted = {
    predicateType: V1,
    builderId: 'https://github.com/actions/runner',
    buildType: 'https://actions.github.io/buildtypes/workflow/v1',
    sourceUri: 'https://github.com/team/web',
  };
  assert.equal(attestationProblem(wanted, claims(V1, ofGithub)), undefined);
  assert.equal(attestationProblem({ predicateType: V1, ...nothing }, claims(V1, null)), undefined);
  for (const [member, pattern] of [
    ['predicateType', /its type is/],
    ['builderId', /another builder/],
    ['buildType', /another build type/],
    ['sourceUri', /another source/],
  ] as const) {
    for (const other of [`${wanted[member]}/`, wanted[member].slice(0, -1), wanted[member].toUpperCase(), '.*'])
      assert.match(attestationProblem({ ...wanted, [member]: other }, claims(V1, ofGithub)) ?? '', pattern, other);
  }
});

test('attestationProblem() takes nothing that the predicate says in another place, or twice', () => {
  const wanted = { predicateType: V1, ...nothing, builderId: 'https://b', sourceUri: 'https://s' };
  const runDetails = { builder: { id: 'https://b' } };
  const says = (externalParameters: object, more: object = {}) =>
    attestationProblem(wanted, claims(V1, { runDetails, buildDefinition: { externalParameters }, ...more }));
  assert.equal(says({ source: 'https://s' }), undefined);
  assert.equal(says({ source: 'https://s', configSource: { uri: 'https://s' } }), undefined);
  for (const [workflow, source] of [
    ['https://s', 'https://t'],
    ['https://t', 'https://s'],
  ])
    assert.match(says({ source, workflow: { repository: workflow } }) ?? '', /another source/);
  assert.match(says({}, { invocation: { configSource: { uri: 'https://s' } } }) ?? '', /another source/);
  assert.match(says({ source: ['https://s'] }) ?? '', /another source/);
  const old = { builder: { id: 'https://b' }, buildDefinition: { externalParameters: { source: 'https://s' } } };
  assert.match(attestationProblem(wanted, claims(V1, old)) ?? '', /another builder/);
  const spdx = { ...wanted, predicateType: 'https://spdx.dev/Document' };
  assert.match(attestationProblem(spdx, claims('https://spdx.dev/Document', old)) ?? '', /none of provenance/);
});
