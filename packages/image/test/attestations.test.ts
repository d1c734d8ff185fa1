// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  attestationImage,
  bundleArtifact,
  bundleOf,
  cosignImage,
  digestOf,
  makeKey,
  referrer,
  statementOf,
  type Artifact,
} from '../../../test/attach.ts';
import { makeScene, NAME } from './attached-scene.ts';

const PROVENANCE = 'https://slsa.dev/provenance/v1';
const SPDX = 'https://spdx.dev/Document';
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const IN_TOTO = 'application/vnd.in-toto+json';
const [alice, mallory] = [makeKey(), makeKey()];

const layerOf = ({ blobs }: Artifact): Buffer => blobs.at(-1) ?? assert.fail();

test('rkt-image attestations prints a line for each thing: its type, subject, size, digest and who signed it', async (t) => {
  const { attach, subject, trust, ok } = makeScene(t);
  const signed = bundleArtifact(subject, alice.privateKey, PROVENANCE);
  const unknown = bundleArtifact(subject, mallory.privateKey, PROVENANCE);
  const old = attestationImage([statementOf(subject, SPDX)], alice.privateKey);
  const unsigned = referrer(subject, { type: IN_TOTO, content: statementOf(subject, 'https://example.com/x') });
  const list = referrer(subject, { type: 'application/spdx+json', content: Buffer.from('{}') });
  const other = referrer(subject, { type: 'application/vnd.example.scan', content: Buffer.from('scan') });
  await attach(
    signed,
    unknown,
    old,
    unsigned,
    list,
    other,
    cosignImage(subject.digest, 'example.com/app', alice.privateKey),
  );
  const file = trust(`prefix.d/example.com/${alice.fileName}`, alice.pem);
  const by = `verified: key ${alice.fileName.replace('.pub', '')}`;
  const rows = (...words: string[]) =>
    ok('attestations', ...words)
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/\t+/));
  const expected = [
    [PROVENANCE, layerOf(signed), by],
    [PROVENANCE, layerOf(unknown), 'not verified: it fits none of the trusted keys'],
    [SPDX, layerOf(old), by],
    ['https://example.com/x', layerOf(unsigned), 'not verified: nobody has signed it'],
    ['application/spdx+json', layerOf(list), 'not verified: nobody has signed it'],
    ['application/vnd.example.scan', layerOf(other), 'not verified: nobody has signed it'],
  ] as const;
  assert.deepEqual(
    rows('--full').slice(0, -1),
    expected.map(([type, bytes, signer]) => [type, subject.digest, String(bytes.byteLength), digestOf(bytes), signer]),
  );
  const [type, about, size, digest, signer] = rows().at(-1) ?? [];
  assert.deepEqual(
    [type, about, signer],
    ['application/vnd.dev.cosign.simplesigning.v1+json', subject.digest.slice(0, 19), by],
  );
  assert.match(`${size} ${digest}`, /^\d+B sha256:[0-9a-f]{12}$/);
  const json = JSON.parse(ok('attestations', '--format=json-pretty'));
  assert.partialDeepStrictEqual(json[0], {
    digest: digestOf(layerOf(signed)),
    size: layerOf(signed).byteLength,
    mediaType: BUNDLE,
    artifactType: BUNDLE,
    attachedTo: subject.digest,
    predicateType: PROVENANCE,
    subjects: [subject.digest],
    verified: true,
    signer: { kind: 'key', fingerprint: alice.fileName.replace('.pub', '') },
    rule: file,
  });
  assert.partialDeepStrictEqual(json[1], { verified: false, predicateType: PROVENANCE });
  assert.ok(!('signer' in json[1] || 'rule' in json[1]));
});

test('rkt-image attestations verifies nothing of a key that is not for the name, or not for this image', async (t) => {
  const { attach, subject, trust, listed } = makeScene(t);
  const other = { ...subject, digest: digestOf(Buffer.from('other')) };
  const about = (digest: string) => statementOf({ digest }, PROVENANCE);
  const two = JSON.parse(String(about(other.digest)));
  two.subject.push({ name: 'image', digest: { sha256: subject.digest.slice('sha256:'.length) } });
  const algorithms = JSON.parse(String(about(other.digest)));
  algorithms.subject[0].digest = { sha512: subject.digest.slice('sha256:'.length) };
  const signed = (payload: Buffer) => referrer(subject, { type: BUNDLE, content: bundleOf(payload, alice.privateKey) });
  await attach(
    signed(about(subject.digest)),
    signed(about(other.digest)),
    signed(Buffer.from(JSON.stringify(two))),
    signed(Buffer.from(JSON.stringify(algorithms))),
  );
  const results = () => listed().map(({ verified, reason }) => (verified === true ? true : reason));
  trust(`prefix.d/example.com/apple/${alice.fileName}`, alice.pem);
  assert.deepEqual(
    results(),
    Array.from({ length: 4 }, () => 'it is by a key, and no key is trusted'),
  );
  trust(`root.d/${alice.fileName}`, alice.pem);
  const [first, wrong, both, algorithm] = results();
  assert.deepEqual([first, both], [true, true]);
  assert.match(String(wrong), new RegExp(`^it is about ${other.digest}, not ${subject.digest}$`));
  assert.match(String(algorithm), /^it is about something else, not/);
  assert.deepEqual(
    listed().map(({ subjects }) => subjects),
    [[subject.digest], [other.digest], [subject.digest], []],
  );
});

test('rkt-image attestations verifies nothing that was changed after it was signed', async (t) => {
  const { attach, subject, trust, listed } = makeScene(t);
  trust(`root.d/${alice.fileName}`, alice.pem);
  const bundle = JSON.parse(String(bundleOf(statementOf(subject, PROVENANCE), alice.privateKey)));
  const changed = (change: (copy: typeof bundle) => void) => {
    const copy = structuredClone(bundle);
    change(copy);
    return referrer(subject, { type: BUNDLE, content: Buffer.from(JSON.stringify(copy)) });
  };
  const payload = statementOf(subject, PROVENANCE, { forged: true }).toString('base64');
  await attach(
    changed((copy) => (copy.dsseEnvelope.payload = payload)),
    changed((copy) => (copy.dsseEnvelope.payloadType = 'text/plain')),
    changed((copy) => (copy.dsseEnvelope.signatures = [])),
    changed((copy) => copy.dsseEnvelope.signatures.push(copy.dsseEnvelope.signatures[0])),
    changed((copy) => (copy.mediaType = 'application/json')),
  );
  const reasons = listed().map(({ verified, reason }) => [verified, reason]);
  for (const [place, pattern] of [
    /fits none/,
    /no in-toto statement/,
    /invalid bundle/,
    /invalid bundle/,
    /no sigstore bundle/,
  ].entries()) {
    assert.equal(reasons[place]?.[0], false);
    assert.match(String(reasons[place]?.[1]), pattern);
  }
});

test('rkt-image attestations says what is wrong with what is no JSON, no statement, or about nothing', async (t) => {
  const { attach, subject, listed } = makeScene(t);
  const statement = (change: object) =>
    Buffer.from(JSON.stringify({ ...JSON.parse(String(statementOf(subject, PROVENANCE))), ...change }));
  const contents: readonly (readonly [Buffer, RegExp])[] = [
    [Buffer.from('no JSON'), /it is not JSON/],
    [Buffer.from([0xff, 0xfe]), /not UTF-8/],
    [Buffer.from('[]'), /no object/],
    [statement({ _type: 'https://example.com/Statement' }), /wanted an in-toto statement/],
    [statement({ subject: [] }), /about no subject/],
    [statement({ subject: Array.from({ length: 5000 }, () => ({ digest: {} })) }), /too many/],
    [statement({ predicateType: 7 }), /no predicate type/],
    [Buffer.from('['.repeat(100_000)), /nests deeper/],
    [Buffer.from('{"_type":1,"_type":2}'), /twice/],
    [statement({ subject: [{ digest: { sha256: 'x' } }] }), /about something else/],
  ];
  await attach(...contents.map(([content]) => referrer(subject, { type: IN_TOTO, content })));
  await attach(referrer(subject, { type: BUNDLE, content: Buffer.from('{}') }));
  const found = listed();
  assert.equal(found.length, contents.length + 1);
  for (const [place, [, pattern]] of contents.entries()) {
    assert.equal(found[place]?.['verified'], false);
    assert.match(String(found[place]?.['reason']), pattern);
  }
});

test('rkt-image attestations prints nothing that a terminal obeys', async (t) => {
  const { attach, subject, run } = makeScene(t);
  const evil = 'https://example.com/\u001b]0;x\u0007\u009b2J\u202e\n\tverified: you';
  await attach(
    referrer(subject, { type: IN_TOTO, content: statementOf(subject, evil) }),
    bundleArtifact(subject, mallory.privateKey, evil),
    referrer(subject, { type: 'x/\u001b[31m', content: Buffer.from('x') }),
  );
  for (const words of [[], ['--full'], ['--format=json'], ['--format=json-pretty']]) {
    const { stdout, stderr } = run('attestations', ...words);
    assert.doesNotMatch(stdout + stderr, /[\u001b\u0007\u009b\u202e]/);
    assert.equal(stderr, '');
    if (!words[0]?.startsWith('--format')) assert.equal(stdout.trimEnd().split('\n').length, 3);
    assert.doesNotMatch(stdout, /\tverified/);
  }
});

test('rkt-image attestations looks at 256 of thousands of things, and says so', async (t) => {
  const { attach, subject, run } = makeScene(t);
  const content = (number: number) => Buffer.from(`{"number":${number}}`);
  for (let artifact = 0; artifact < 64; artifact += 1) {
    const { manifest, blobs } = referrer(subject, { type: IN_TOTO, content: content(artifact) });
    const document = JSON.parse(String(manifest));
    document.layers = Array.from({ length: 64 }, () => document.layers[0]);
    await attach({ manifest: Buffer.from(JSON.stringify(document)), blobs });
  }
  const { status, stdout, stderr } = run('attestations');
  assert.equal(status, 0);
  assert.equal(stdout.trimEnd().split('\n').length, 256);
  assert.equal(stderr, 'rkt-image: only 256 of 4096 attached things are looked at\n');
});

test('rkt-image attestations says when nothing is attached, and what is damaged in its place', async (t) => {
  const { attach, subject, run, store } = makeScene(t);
  assert.deepEqual(run('attestations'), {
    status: 0,
    stdout: '',
    stderr: `rkt-image: nothing is attached to image "${NAME}" in the store\n`,
  });
  const [gone, there] = ['gone', 'there'].map((text) =>
    referrer(subject, { type: IN_TOTO, content: Buffer.from(`{"x":"${text}"}`) }),
  );
  assert.ok(gone && there);
  await attach(gone, there);
  const [removed] = store.artifacts(subject.digest).artifacts[0]?.layers ?? [];
  assert.ok(removed);
  await store.removeBlob(removed.digest);
  const { status, stdout } = run('attestations');
  assert.equal(status, 0);
  assert.match(stdout.split('\n')[0] ?? '', /not verified: cannot open blob "sha256:.*not in the store/);
  assert.equal(stdout.trimEnd().split('\n').length, 2);
});
