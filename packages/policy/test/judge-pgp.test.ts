// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseVerification, printVerification, type Verification } from '@rkt/formats';
import { hexOf } from '@rkt/names';
import { Keyring } from '@rkt/pod-fixtures';
import { misconfigured, write } from './fixture.ts';
import { addIndex, addManifest, makeScene, NOW, type Scene } from './judging.ts';

const ring = new Keyring();
after(() => ring[Symbol.dispose]());

const ALICE = 'Alice <alice@example.com>';
const MALLORY = 'Mallory <mallory@example.com>';
const alice = ring.make(ALICE, { at: '20240101T000000' });
const mallory = ring.make(MALLORY, { at: '20240101T000000' });
const REFERENCE = 'example.com/app:1';

const signed = (scene: Scene, userId = ALICE) =>
  ring.sign(userId, { digest: scene.image.digest, reference: REFERENCE, at: '20260101T000000' });

const said = ({ outcome, reasons }: Verification) => `${outcome}: ${reasons.join('; ')}`;

test('judge() accepts an image that a key for its name has signed, and records who, by which file, since when', async (t) => {
  const scene = await makeScene(t);
  const path = scene.trust(`prefix.d/example.com/${alice}`, ring.publicKey(ALICE));
  await scene.sign([signed(scene, MALLORY), signed(scene)]);
  const verification = await scene.ask();
  assert.equal(verification.outcome, 'accepted', said(verification));
  assert.deepEqual(verification.rules, [path]);
  assert.equal(verification.policy?.scope, 'prefix.d/example.com');
  const [bad, good] = verification.signatures;
  assert.partialDeepStrictEqual(good, {
    result: 'good',
    rule: path,
    signer: { kind: 'pgp', fingerprint: alice, userIds: [ALICE] },
  });
  assert.partialDeepStrictEqual(good, {
    signedAt: '2026-01-01T00:00:00.000Z',
    timeSource: 'claimed',
    reference: REFERENCE,
  });
  assert.equal(bad?.result, 'bad');
  assert.equal(parseVerification(printVerification([verification]), '/x').decisions.length, 1);
});

test('judge() rejects by default, names what was found and the command that would trust it', async (t) => {
  const scene = await makeScene(t);
  await scene.sign([signed(scene)]);
  const verification = await scene.ask();
  const text = said(verification);
  assert.match(text, /^rejected: nobody is trusted for "example\.com\/app:1"; found a signature by OpenPGP key /);
  assert.match(text, new RegExp(alice.slice(-16)));
  assert.match(
    text,
    /wanted rkt trust --prefix=example\.com\/app FILE \(its public key\), or --insecure-options=image$/,
  );
  assert.deepEqual(verification.rules, []);
});

test('judge() rejects an image without a signature whatever is trusted', async (t) => {
  const scene = await makeScene(t);
  scene.trust(`root.d/${alice}`, ring.publicKey(ALICE));
  assert.match(
    said(await scene.ask()),
    /^rejected: nobody who is trusted .* vouches for it; it has no signature; wanted --insec/,
  );
});

test('judge() rejects a key of a sibling prefix, of another host and of a deeper path', async (t) => {
  for (const prefix of ['example.com/ap', 'example.com/app2', 'example.com/app/x', 'example.org', 'xample.com']) {
    const scene = await makeScene(t);
    scene.trust(`prefix.d/${prefix}/${alice}`, ring.publicKey(ALICE));
    await scene.sign([signed(scene)]);
    const verification = await scene.ask();
    assert.equal(verification.outcome, 'rejected', prefix);
    assert.equal(verification.policy?.scope, 'default', prefix);
  }
});

test('judge() rejects the signature of a masked key and says what masks it', async (t) => {
  const scene = await makeScene(t);
  const vendor = join(scene.directories.system, 'trustedkeys', 'root.d', alice);
  write(vendor, ring.publicKey(ALICE));
  await scene.sign([signed(scene)]);
  assert.equal((await scene.ask()).outcome, 'accepted');
  const mask = scene.trust(`prefix.d/example.com/${alice}`, '');
  assert.match(said(await scene.ask()), new RegExp(`^rejected: .*"${alice}" is masked by ${mask}`));
});

test('judge() rejects what a key signed that was revoked since, and advises nobody to trust it', async (t) => {
  const userId = 'Revoked <revoked@example.com>';
  const fingerprint = ring.make(userId, { at: '20240101T000000' });
  const scene = await makeScene(t);
  const path = scene.trust(`root.d/${fingerprint}`, ring.publicKey(userId));
  await scene.sign([signed(scene, userId)]);
  const before = await scene.ask();
  assert.equal(before.outcome, 'accepted', said(before));
  ring.revoke(userId);
  write(path, ring.publicKey(userId));
  const text = said(await scene.ask(undefined, { nowMs: Date.now() }));
  assert.match(text, /^rejected: .*revoked/);
  assert.doesNotMatch(text, /rkt trust/);
});

test('judge() rejects what an expired key signed, and says until when the signature of another holds', async (t) => {
  const userId = 'Short <short@example.com>';
  const fingerprint = ring.make(userId, { at: '20240101T000000', expire: '3y' });
  const scene = await makeScene(t);
  scene.trust(`root.d/${fingerprint}`, ring.publicKey(userId));
  await scene.sign([signed(scene, userId)]);
  const verification = await scene.ask();
  assert.equal(verification.outcome, 'accepted', said(verification));
  assert.match(verification.notAfter ?? '', /^2026-12-3|^2027-01-0/);
  assert.match(said(await scene.ask(undefined, { nowMs: Date.UTC(2028, 0, 1) })), /^rejected: .*expired/);
});

test('judge() rejects a signature of another image, whether it was stored for it or for this one', async (t) => {
  const scene = await makeScene(t);
  scene.trust(`root.d/${alice}`, ring.publicKey(ALICE));
  const other = await addManifest(scene.store, 'other');
  await scene.sign([ring.sign(ALICE, { digest: other.digest, reference: REFERENCE, at: '20260101T000000' })]);
  assert.match(said(await scene.ask()), /^rejected: .*found a signature/);
});

test('judge() makes no good signature of two: a trusted one of another image, and one of this image by a stranger', async (t) => {
  const other = ring.sign(ALICE, {
    digest: (await addManifest((await makeScene(t)).store, 'other')).digest,
    reference: REFERENCE,
    at: '20260101T000000',
  });
  for (const isFirst of [true, false]) {
    const scene = await makeScene(t);
    scene.trust(`root.d/${alice}`, ring.publicKey(ALICE));
    const both = [other, signed(scene, MALLORY)];
    await scene.sign(isFirst ? both : both.toReversed());
    const verification = await scene.ask();
    assert.equal(verification.outcome, 'rejected');
    assert.deepEqual(
      verification.signatures.map(({ result }) => result),
      ['bad', 'bad'],
    );
    await scene.sign([signed(scene)]);
    assert.equal((await scene.ask()).outcome, 'accepted');
  }
});

test('judge() rejects a signature of another name or tag, and takes any tag of the repository for a digest', async (t) => {
  const scene = await makeScene(t);
  scene.trust(`root.d/${alice}`, ring.publicKey(ALICE));
  await scene.sign([signed(scene)]);
  assert.match(said(await scene.ask('docker://example.com/app:2')), /^rejected: .*it is about "example\.com\/app:1"/);
  assert.equal((await scene.ask('docker://example.com/other:1')).outcome, 'rejected');
  assert.equal((await scene.ask(`docker://example.com/app@${scene.image.digest}`)).outcome, 'accepted');
});

test('judge() takes the signature of an index for an image that the index lists, and for no other', async (t) => {
  const scene = await makeScene(t);
  scene.trust(`root.d/${alice}`, ring.publicKey(ALICE));
  const other = await addManifest(scene.store, 'other');
  const index = await addIndex(scene.store, [scene.image]);
  const foreign = await addIndex(scene.store, [other]);
  const attested = { ...scene.image, annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } };
  const attestation = await addIndex(scene.store, [other, attested]);
  for (const subject of [index, foreign, attestation]) {
    await scene.sign(
      [ring.sign(ALICE, { digest: subject.digest, reference: REFERENCE, at: '20260101T000000' })],
      subject,
    );
  }
  const verification = await scene.ask(undefined, { index: index.digest });
  assert.equal(verification.outcome, 'accepted', said(verification));
  assert.equal(verification.subject.indexDigest, index.digest);
  assert.equal(verification.signatures[0]?.subject, index.digest);
  for (const { digest } of [foreign, attestation])
    assert.equal((await scene.ask(undefined, { index: digest })).outcome, 'rejected');
  assert.equal((await scene.ask()).outcome, 'rejected');
});

test('judge() rejects a signature whose blob was swapped or cut, and tells of it', async (t) => {
  const scene = await makeScene(t);
  scene.trust(`root.d/${alice}`, ring.publicKey(ALICE));
  await scene.sign([signed(scene)]);
  const [layer] = scene.store.artifacts(scene.image.digest).artifacts[0]?.layers ?? [];
  assert.ok(layer);
  const path = join(scene.store.dir, 'blobs', 'sha256', hexOf(layer.digest));
  const bytes = readFileSync(path);
  for (const swapped of [signed(scene, MALLORY), bytes.subarray(0, 50), Buffer.alloc(0)]) {
    writeFileSync(path, swapped);
    assert.match(said(await scene.ask()), /^rejected: .*cannot open blob "sha256:/);
  }
});

test('judge() refuses everything when a file of the trust store is not what its name says', async (t) => {
  const both = Buffer.concat([ring.publicKey(ALICE), ring.publicKey(MALLORY)]);
  for (const [content, message] of [
    [ring.publicKey(MALLORY), new RegExp(`it holds the key "${mallory}": wanted the fingerprint`)],
    [both, /it holds 2 keys: wanted one key/],
    [Buffer.from('nonsense'), /cannot use key/],
  ] as const) {
    const scene = await makeScene(t);
    scene.trust(`root.d/${alice}`, content);
    await scene.sign([signed(scene)]);
    await assert.rejects(scene.ask(), misconfigured(message));
  }
});

test('judge() accepts a pinned digest without a signature, of the image or of its index', async (t) => {
  const scene = await makeScene(t);
  const index = await addIndex(scene.store, [scene.image]);
  const pin = (digest: string) => {
    const settings = { rktKind: 'trust', rktVersion: 'v1', pinned: { 'example.com/app': [digest] } };
    return write(join(scene.directories.local, 'trust.json'), JSON.stringify(settings));
  };
  const path = pin(scene.image.digest);
  const verification = await scene.ask();
  assert.equal(verification.outcome, 'accepted', said(verification));
  assert.deepEqual(verification.rules, [`${path} (pinned example.com/app)`]);
  assert.equal((await scene.ask('docker://example.com/app2:1')).outcome, 'rejected');
  pin(index.digest);
  assert.equal((await scene.ask()).outcome, 'rejected');
  assert.equal((await scene.ask(undefined, { index: index.digest })).outcome, 'accepted');
});

test('judge() wants every requirement of a list, and any key of one', async (t) => {
  const scene = await makeScene(t);
  const key = (userId: string) => ({
    type: 'signedBy',
    keyType: 'GPGKeys',
    keyData: ring.publicKey(userId).toString('base64'),
  });
  const policyFile = join(scene.directories.local, 'policy.json');
  const outcome = async (list: object[]) => {
    write(policyFile, JSON.stringify({ default: list }));
    return (await scene.ask(undefined, { policyFile })).outcome;
  };
  const either = {
    ...key(ALICE),
    keyData: Buffer.concat([ring.publicKey(ALICE), ring.publicKey(MALLORY)]).toString('base64'),
  };
  await scene.sign([signed(scene)]);
  assert.equal(await outcome([key(ALICE)]), 'accepted');
  assert.equal(await outcome([either]), 'accepted');
  assert.equal(await outcome([key(ALICE), key(MALLORY)]), 'rejected');
  assert.equal(await outcome([key(MALLORY), key(ALICE)]), 'rejected');
  assert.equal(await outcome([key(ALICE), { type: 'reject' }]), 'rejected');
  await scene.sign([signed(scene, MALLORY)]);
  assert.equal(await outcome([key(ALICE), key(MALLORY)]), 'accepted');
  assert.equal(
    await outcome([{ ...key(ALICE), signedIdentity: { type: 'exactReference', dockerReference: 'a.b/c:1' } }]),
    'rejected',
  );
});

test('judge() rejects where nothing is required, and where the clock is before this program', async (t) => {
  const scene = await makeScene(t);
  scene.trust(`root.d/${alice}`, ring.publicKey(ALICE));
  await scene.sign([signed(scene)]);
  const none = await scene.ask(undefined, {
    change: (question) => ({ ...question, rules: { ...question.rules, requirements: [] } }),
  });
  assert.equal(none.outcome, 'rejected');
  for (const nowMs of [0, Date.UTC(2025, 11, 31)]) {
    assert.match(said(await scene.ask(undefined, { nowMs })), /^rejected: the clock of this machine is wrong/);
  }
  assert.equal((await scene.ask(undefined, { nowMs: NOW })).outcome, 'accepted');
});

test('judge() lets a scope that accepts anything count only if the name is not the word of another user', async (t) => {
  const scene = await makeScene(t);
  const policyFile = write(
    join(scene.directories.local, 'policy.json'),
    JSON.stringify({
      default: [{ type: 'reject' }],
      transports: { docker: { 'example.com': [{ type: 'insecureAcceptAnything' }] } },
    }),
  );
  assert.equal((await scene.ask(undefined, { policyFile })).outcome, 'accepted');
  const foreign = await scene.ask(undefined, { policyFile, nameIsOurs: false });
  assert.match(said(foreign), /^rejected: .*only the owner of its store says that this is one/);
});
