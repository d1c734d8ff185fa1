// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXIT } from '@rkt/exit';
import { attestationImage, bundleOf, digestOf, makeKey, referrer, statementOf } from '../../../test/attach.ts';
import { makeScene, NAME } from './attached-scene.ts';

const IN_TOTO = 'application/vnd.in-toto+json';
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const alice = makeKey();

const spdx = {
  spdxVersion: 'SPDX-2.3',
  packages: [
    { name: 'a', versionInfo: '1', externalRefs: [{ referenceType: 'purl', referenceLocator: 'pkg:apk/a@1' }] },
    { name: 'b' },
  ],
};
const unverified = `rkt-image: this list of image "${NAME}" is not verified: nobody has signed it\n`;

test('rkt-image sbom prints a document as it is stored, byte for byte', async (t) => {
  const { attach, subject, run } = makeScene(t);
  // Not what JSON.stringify would print, and with a character that terminals obey.
  const content = Buffer.from(`{ "spdxVersion":"SPDX-2.3",\r\n  "packages" : [ ], "x": "\u009b" }`);
  await attach(referrer(subject, { type: 'application/spdx+json', content }));
  const { status, stdout, stderr } = run('sbom');
  assert.deepEqual([status, stderr], [0, unverified]);
  assert.equal(digestOf(Buffer.from(stdout)), digestOf(content));
});

test('rkt-image sbom prints the document in a statement, signed or not, by cosign or BuildKit', async (t) => {
  for (const kind of ['bundle', 'att', 'statement', 'text'] as const) {
    const { attach, subject, trust, run } = makeScene(t);
    trust(`root.d/${alice.fileName}`, alice.pem);
    const predicate = kind === 'text' ? { Data: JSON.stringify(spdx), Timestamp: '' } : spdx;
    const payload = statementOf(subject, 'https://spdx.dev/Document', predicate);
    const artifact = {
      bundle: () => referrer(subject, { type: BUNDLE, content: bundleOf(payload, alice.privateKey) }),
      att: () => attestationImage([payload], alice.privateKey),
      text: () => attestationImage([payload], alice.privateKey),
      statement: () => referrer(subject, { type: IN_TOTO, content: payload }),
    }[kind]();
    await attach(artifact);
    const { status, stdout, stderr } = run('sbom');
    assert.deepEqual([status, stderr], [0, kind === 'statement' ? unverified : ''], kind);
    assert.deepEqual(JSON.parse(stdout), spdx);
    assert.equal(run('sbom', '--packages').stdout, 'a\t1\tpkg:apk/a@1\nb\n', kind);
  }
});

test('rkt-image sbom --packages reads SPDX, CycloneDX and syft', async (t) => {
  const cyclonedx = {
    components: [
      { name: 'a', version: '1', purl: 'pkg:a', components: [{ name: 'inner', version: '2' }] },
      { name: 'z', version: 7 },
    ],
  };
  for (const [type, document, expected] of [
    ['application/vnd.cyclonedx+json', cyclonedx, 'a\t1\tpkg:a\ninner\t2\nz\n'],
    ['application/vnd.syft+json', { artifacts: [{ name: 's', version: '3', purl: 'pkg:s' }] }, 's\t3\tpkg:s\n'],
    ['text/spdx+json', spdx, 'a\t1\tpkg:apk/a@1\nb\n'],
  ] as const) {
    const { attach, subject, run } = makeScene(t);
    await attach(referrer(subject, { type, content: Buffer.from(JSON.stringify(document)) }));
    const { status, stdout } = run('sbom', '--packages');
    assert.deepEqual([status, stdout.replaceAll(/\t+/g, '\t')], [0, expected], type);
  }
});

test('rkt-image sbom says how to get a list when none was kept', async (t) => {
  const { attach, subject, run } = makeScene(t);
  const expected = {
    status: EXIT.notFound,
    stdout: '',
    stderr: `rkt-image: cannot show the components of image "${NAME}": the store has no list of them: try rkt fetch --sbom\n`,
  };
  assert.deepEqual(run('sbom'), expected);
  const elsewhere = { digest: digestOf(Buffer.from('other')) };
  await attach(
    referrer(subject, { type: IN_TOTO, content: statementOf(elsewhere, 'https://spdx.dev/Document', spdx) }),
    referrer(subject, { type: IN_TOTO, content: statementOf(subject, 'https://spdx.dev/Documents', spdx) }),
  );
  assert.deepEqual(run('sbom'), expected);
});

test('rkt-image sbom --packages refuses what is no list, and prints nothing that a terminal obeys', async (t) => {
  for (const [content, pattern] of [
    ['no JSON', /it is not JSON/],
    ['{"packages":7}', /it has no "packages"/],
    ['[]', /it has no "packages"/],
    ['SPDXVersion: SPDX-2.3', /it is not JSON/],
  ] as const) {
    const { attach, subject, run } = makeScene(t);
    await attach(referrer(subject, { type: 'application/spdx+json', content: Buffer.from(content) }));
    const { status, stdout, stderr } = run('sbom', '--packages');
    assert.deepEqual([status, stdout], [EXIT.dataRefused, '']);
    assert.match(stderr, pattern);
    assert.equal(run('sbom').stdout, content);
  }
  const { attach, subject, run } = makeScene(t);
  const evil = { packages: [{ name: '\u001b[2J\u009b', versionInfo: 'x\ny\tz', externalRefs: 7 }, 'text', null] };
  await attach(referrer(subject, { type: 'application/spdx+json', content: Buffer.from(JSON.stringify(evil)) }));
  const { stdout } = run('sbom', '--packages');
  assert.doesNotMatch(stdout, /[\u001b\u009b]/);
  assert.equal(stdout.split('\n').length, 2);
});

test('rkt-image sbom escapes for a terminal what it could obey, and JSON stays the same', async (t) => {
  const { attach, subject, dir } = makeScene(t);
  const content = Buffer.from('{"x":"\u009b2J\u202e\u007f"}');
  await attach(referrer(subject, { type: 'application/spdx+json', content }));
  const terminal = join(import.meta.dirname, '..', '..', '..', 'test', 'e2e', 'terminal.py');
  const program = join(import.meta.dirname, '..', '..', '..', 'dist', 'bin', 'rkt-image');
  const { stdout } = spawnSync('python3', [terminal, '[["end"]]', program, 'sbom', `--dir=${dir}`, NAME], {
    encoding: 'utf8',
  });
  const { shown, status }: { shown: string; status: number } = JSON.parse(stdout);
  assert.equal(status, 0);
  assert.deepEqual(JSON.parse(shown.split('\r\n')[0] ?? ''), JSON.parse(String(content)));
  assert.doesNotMatch(shown, /[\u007f-\u009f\u202e]/);
});
