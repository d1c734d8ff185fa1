// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT } from '@rkt/exit';
import { bundleOf, digestOf, makeKey, referrer, statementOf, type Artifact } from '../../../test/attach.ts';
import { makeScene, NAME, type Scene } from './attached-scene.ts';

const [V1, V0_2] = ['https://slsa.dev/provenance/v1', 'https://slsa.dev/provenance/v0.2'];
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const IN_TOTO = 'application/vnd.in-toto+json';
const [alice, mallory] = [makeKey(), makeKey()];

const v1 = {
  buildDefinition: {
    buildType: 'https://actions.github.io/buildtypes/workflow/v1',
    externalParameters: { workflow: { repository: 'https://github.com/team/web' } },
    resolvedDependencies: [
      { uri: 'git+https://github.com/team/web@refs/heads/main', digest: { gitCommit: 'a'.repeat(40) } },
    ],
  },
  runDetails: { builder: { id: 'https://runner.example.com' }, metadata: { startedOn: '2026-01-01T00:00:00Z' } },
};
const v0_2 = {
  builder: { id: '' },
  buildType: 'https://mobyproject.org/buildkit@v1',
  materials: [{ uri: 'pkg:docker/busybox@1', digest: { sha256: 'd'.repeat(64) } }],
};

const signed = ({ subject }: Scene, payload: Buffer, { privateKey } = alice): Artifact =>
  referrer(subject, { type: BUNDLE, content: bundleOf(payload, privateKey) });
const unsigned = ({ subject }: Scene, payload: Buffer): Artifact =>
  referrer(subject, { type: IN_TOTO, content: payload });
const proves = `rkt-image: what this says of image "${NAME}" proves nothing: whoever made or passed on the image may have written it\n`;

const rowsOf = (stdout: string) =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/\t+/));

test('rkt-image provenance shows builder, source, revision and materials, and who says so', async (t) => {
  const scene = makeScene(t);
  const { attach, trust, ok, subject } = scene;
  trust(`root.d/${alice.fileName}`, alice.pem);
  await attach(signed(scene, statementOf(subject, V1, v1)));
  assert.deepEqual(rowsOf(ok('provenance')), [
    ['signed by', `verified: key ${alice.fileName.replace('.pub', '')}`],
    ['type', V1],
    ['builder', 'https://runner.example.com'],
    ['build type', 'https://actions.github.io/buildtypes/workflow/v1'],
    ['source', 'https://github.com/team/web'],
    ['revision', 'a'.repeat(40)],
    ['started', '2026-01-01T00:00:00Z'],
    ['material', 'git+https://github.com/team/web@refs/heads/main', `gitCommit:${'a'.repeat(40)}`],
  ]);
  assert.deepEqual(JSON.parse(ok('provenance', '--format=json')), v1);
  assert.match(ok('provenance', '--format=json-pretty'), /^\{\n\t"buildDefinition": /);
});

test('rkt-image provenance says of what nobody signed that it proves nothing', async (t) => {
  const scene = makeScene(t);
  const { attach, run, subject } = scene;
  await attach(unsigned(scene, statementOf(subject, V0_2, v0_2)));
  const { status, stdout, stderr } = run('provenance');
  assert.deepEqual([status, stderr], [0, proves]);
  assert.deepEqual(rowsOf(stdout), [
    ['signed by', 'not verified: nobody has signed it'],
    ['type', V0_2],
    ['builder'],
    ['build type', 'https://mobyproject.org/buildkit@v1'],
    ['material', 'pkg:docker/busybox@1', `sha256:${'d'.repeat(64)}`],
  ]);
  const json = run('provenance', '--format=json');
  assert.deepEqual([JSON.parse(json.stdout), json.stderr], [v0_2, proves]);
});

test('rkt-image provenance shows what is verified before what is not, and each by its digest', async (t) => {
  const scene = makeScene(t);
  const { attach, trust, run, ok, subject } = scene;
  trust(`root.d/${alice.fileName}`, alice.pem);
  const foreign = signed(scene, statementOf(subject, V1, { runDetails: { builder: { id: 'mallory' } } }), mallory);
  const [bundle] = foreign.blobs.slice(-1);
  await attach(unsigned(scene, statementOf(subject, V0_2, v0_2)), foreign, signed(scene, statementOf(subject, V1, v1)));
  const first = run('provenance');
  assert.match(first.stdout, /^signed by\tverified: /);
  assert.equal(first.stderr, 'rkt-image: 2 more can be shown: try rkt image attestations, and --digest\n');
  const digest = digestOf(bundle ?? assert.fail());
  const second = run('provenance', `--digest=${digest.slice(0, 19)}`);
  assert.equal(second.stderr, proves);
  assert.match(second.stdout, /^signed by\tnot verified: it fits none of the trusted keys\n[^]*builder\t+mallory\n/);
  const none = run('provenance', `--digest=sha256:${'0'.repeat(64)}`);
  assert.deepEqual([none.status, none.stdout], [EXIT.notFound, '']);
  assert.match(none.stderr, /the store has none about it of this digest: try rkt image attestations\n$/);
  assert.ok(ok('attestations').includes(digest.slice(0, 19)));
});

test('rkt-image provenance shows nothing that is about another image, or of another type', async (t) => {
  const scene = makeScene(t);
  const { attach, trust, run, subject } = scene;
  trust(`root.d/${alice.fileName}`, alice.pem);
  const other = { digest: digestOf(Buffer.from('other')) };
  await attach(
    signed(scene, statementOf(other, V1, v1)),
    unsigned(scene, statementOf(other, V1, v1)),
    signed(scene, statementOf(subject, 'https://slsa.dev/provenance/v11', v1)),
  );
  assert.deepEqual(run('provenance'), {
    status: EXIT.notFound,
    stdout: '',
    stderr: `rkt-image: cannot show provenance of image "${NAME}": the store has none about it: fetch it again, or ask whoever builds it\n`,
  });
});

test('rkt-image provenance prints nothing that a terminal obeys, and takes values of any kind', async (t) => {
  const scene = makeScene(t);
  const { attach, run, subject } = scene;
  const evil = '\u001b[2J\u009b\u202e\nsigned by\tverified: you';
  const materials = Array.from({ length: 1500 }, () => ({ uri: evil, digest: { sha256: evil } }));
  await attach(
    unsigned(scene, statementOf(subject, V0_2, { builder: { id: evil }, buildType: [7], materials })),
    unsigned(scene, statementOf(subject, V1, [])),
  );
  for (const words of [[], ['--format=json']]) {
    const { status, stdout, stderr } = run('provenance', ...words);
    assert.equal(status, 0);
    assert.doesNotMatch(stdout + stderr, /[\u001b\u009b\u202e]/);
    assert.doesNotMatch(stdout, /^signed by\tverified/m);
  }
  assert.equal(rowsOf(run('provenance').stdout).filter(([name]) => name === 'material').length, 1000);
});
