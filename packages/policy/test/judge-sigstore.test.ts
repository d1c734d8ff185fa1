// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Verification } from '@rkt/formats';
import { misconfigured, write } from './fixture.ts';
import { addIndex, addManifest, makeScene } from './judging.ts';
import { addBundles, addCosign, keyBundle, makeInstance, makeKey, type Statement } from './sigstore.ts';

const [alice, mallory] = [makeKey(), makeKey()];
const instance = await makeInstance();
const ISSUER = 'https://issuer.example.com';
const SAN = 'https://example.com/acme/app/release.yml@refs/tags/v1';

const said = ({ outcome, reasons }: Verification) => `${outcome}: ${reasons.join('; ')}`;

test('judge() accepts the bundle of a bare key for the name, and of no other key', async (t) => {
  const scene = await makeScene(t);
  await addBundles(scene.store, scene.image, [keyBundle(scene.image.digest, mallory.privateKey)]);
  const unknown = said(await scene.ask());
  assert.match(unknown, /^rejected: nobody is trusted for "example\.com\/app:1"; found a sigstore signature/);
  assert.match(unknown, /wanted rkt trust --prefix=example\.com\/app FILE/);
  const path = scene.trust(`prefix.d/example.com/${alice.name}`, alice.pem);
  assert.equal((await scene.ask()).outcome, 'rejected');
  await addBundles(scene.store, scene.image, [keyBundle(scene.image.digest, alice.privateKey)]);
  const verification = await scene.ask();
  assert.equal(verification.outcome, 'accepted', said(verification));
  assert.deepEqual(verification.rules, [path]);
  const good = verification.signatures.find(({ result }) => result === 'good');
  assert.deepEqual(good?.signer, { kind: 'key', fingerprint: alice.fingerprint });
  assert.equal((await scene.ask('docker://example.org/app:1')).outcome, 'rejected');
});

test('judge() rejects a bundle about another image, and an attestation in the place of a signature', async (t) => {
  const scene = await makeScene(t);
  scene.trust(`root.d/${alice.name}`, alice.pem);
  const other = await addManifest(scene.store, 'other');
  const statement = { predicateType: 'https://spdx.dev/Document' };
  await addBundles(scene.store, scene.image, [
    keyBundle(other.digest, alice.privateKey),
    keyBundle(scene.image.digest, alice.privateKey, statement),
  ]);
  assert.equal((await scene.ask()).outcome, 'rejected');
});

test('judge() refuses everything when the name of a bare key is not its hash', async (t) => {
  const scene = await makeScene(t);
  scene.trust(`root.d/${alice.name}`, mallory.pem);
  await assert.rejects(
    scene.ask(),
    misconfigured(new RegExp(`it holds the key "${mallory.fingerprint}": wanted the fingerprint`)),
  );
});

test('judge() takes signatures of old cosign for the repository that was signed', async (t) => {
  const scene = await makeScene(t);
  scene.trust(`root.d/${alice.name}`, alice.pem);
  await addCosign(scene.store, scene.image, { privateKey: alice.privateKey, repository: 'example.com/app' });
  const verification = await scene.ask();
  assert.equal(verification.outcome, 'accepted', said(verification));
  assert.equal(verification.signatures[0]?.reference, 'example.com/app');
  assert.match(said(await scene.ask('docker://example.com/other:1')), /^rejected: .*it is about "example\.com\/app"/);
});

test('judge() compares identities as they are: no part, no pattern, no other issuer', async (t) => {
  const scene = await makeScene(t);
  const trustedRoot = write(join(scene.directories.local, 'root.json'), JSON.stringify(instance.root));
  await addBundles(scene.store, scene.image, [await instance.bundle(scene.image.digest, { issuer: ISSUER, san: SAN })]);
  const ask = (issuer: string, san: string) => {
    scene.trust('root.d/ci.sigstore.json', JSON.stringify({ issuer, san, trustedRoot }));
    return scene.ask(undefined, { nowMs: Date.now() });
  };
  const verification = await ask(ISSUER, SAN);
  assert.equal(verification.outcome, 'accepted', said(verification));
  assert.deepEqual(verification.signatures[0]?.signer, { kind: 'identity', issuer: ISSUER, san: SAN });
  assert.equal(verification.signatures[0]?.timeSource, 'log');
  for (const [issuer, san] of [
    [ISSUER, SAN.slice(0, -1)],
    [ISSUER, 'https://example.com/acme/.*'],
    [ISSUER, '.'],
    [ISSUER, SAN.toUpperCase()],
    ['https://issuer.example.org', SAN],
    [ISSUER.slice(0, -1), SAN],
  ] as const) {
    assert.match(
      said(await ask(issuer, san)),
      /^rejected: .*found a sigstore signature by "https:\/\/example\.com\/acme/,
      san,
    );
  }
  write(trustedRoot, '{}');
  await assert.rejects(ask(ISSUER, SAN), misconfigured(/root\.json/));
});

test('judge() rejects keys and identities of sibling prefixes, and masked ones', async (t) => {
  const scene = await makeScene(t);
  const trustedRoot = write(join(scene.directories.local, 'root.json'), JSON.stringify(instance.root));
  const identity = JSON.stringify({ issuer: ISSUER, san: SAN, trustedRoot });
  const signers = { [alice.name]: alice.pem, 'ci.sigstore.json': identity };
  await addBundles(scene.store, scene.image, [
    keyBundle(scene.image.digest, alice.privateKey),
    await instance.bundle(scene.image.digest, { issuer: ISSUER, san: SAN }),
  ]);
  await addCosign(scene.store, scene.image, { privateKey: alice.privateKey, repository: 'example.com/app' });
  const outcome = async () => (await scene.ask(undefined, { nowMs: Date.now() })).outcome;
  for (const [file, content] of Object.entries(signers)) {
    for (const prefix of ['example.com/ap', 'example.com/app2', 'example.com/app/x', 'example.co', 'xample.com'])
      scene.trust(`prefix.d/${prefix}/${file}`, content);
    assert.equal(await outcome(), 'rejected', file);
    scene.trust(`prefix.d/example.com/${file}`, content);
    assert.equal(await outcome(), 'accepted', file);
    scene.trust(`prefix.d/example.com/app/${file}`, '');
    assert.equal(await outcome(), 'rejected', `${file} masked`);
  }
});

test('judge() takes the bundle of an index for an image that the index lists, and for no other', async (t) => {
  const scene = await makeScene(t);
  scene.trust(`root.d/${alice.name}`, alice.pem);
  const other = await addManifest(scene.store, 'other');
  const index = await addIndex(scene.store, [scene.image]);
  const foreign = await addIndex(scene.store, [other]);
  for (const subject of [index, foreign])
    await addBundles(scene.store, subject, [keyBundle(subject.digest, alice.privateKey)]);
  // About an index that has the image, and put where what is said of the image lies.
  await addBundles(scene.store, scene.image, [keyBundle(index.digest, alice.privateKey)]);
  const outcome = async (digest?: typeof index.digest) => (await scene.ask(undefined, { index: digest })).outcome;
  assert.equal(await outcome(index.digest), 'accepted');
  assert.equal(await outcome(foreign.digest), 'rejected');
  assert.equal(await outcome(), 'rejected');
});

test('judge() takes no identity from another instance of sigstore', async (t) => {
  const scene = await makeScene(t);
  const other = await makeInstance();
  const trustedRoot = write(join(scene.directories.local, 'root.json'), JSON.stringify(other.root));
  scene.trust('root.d/ci.sigstore.json', JSON.stringify({ issuer: ISSUER, san: SAN, trustedRoot }));
  await addBundles(scene.store, scene.image, [await instance.bundle(scene.image.digest, { issuer: ISSUER, san: SAN })]);
  assert.equal((await scene.ask(undefined, { nowMs: Date.now() })).outcome, 'rejected');
});

test('judge() meets sigstoreSigned by signatures of old cosign, and never by bundles, which name no image', async (t) => {
  const scene = await makeScene(t);
  const policyFile = join(scene.directories.local, 'policy.json');
  const ask = async (type: string) => {
    const requirement = {
      type: 'sigstoreSigned',
      keyData: Buffer.from(alice.pem).toString('base64'),
      signedIdentity: { type },
    };
    write(policyFile, JSON.stringify({ default: [requirement] }));
    return scene.ask(undefined, { policyFile });
  };
  await addBundles(scene.store, scene.image, [keyBundle(scene.image.digest, alice.privateKey)]);
  assert.match(said(await ask('matchRepository')), /^rejected: .*it names no image, and matchRepository wants one/);
  await addCosign(scene.store, scene.image, { privateKey: alice.privateKey, repository: 'example.com/app' });
  assert.equal((await ask('matchRepository')).outcome, 'accepted');
  assert.equal((await ask('matchRepoDigestOrExact')).outcome, 'rejected');
});

test('judge() wants the attestations of the settings besides a signature', async (t) => {
  const scene = await makeScene(t);
  scene.trust(`root.d/${alice.name}`, alice.pem);
  const provenance = 'https://slsa.dev/provenance/v1';
  const wanted = {
    prefix: 'example.com',
    predicateType: provenance,
    signer: alice.name,
    builderId: 'https://b',
    sourceUri: 'https://s',
  };
  const settings = { rktKind: 'trust', rktVersion: 'v1', requireAttestation: [wanted] };
  write(join(scene.directories.local, 'trust.json'), JSON.stringify(settings));
  const attest = (privateKey: typeof alice.privateKey, statement: Statement, digest = scene.image.digest) =>
    addBundles(scene.store, scene.image, [keyBundle(digest, privateKey, statement)]);
  await addBundles(scene.store, scene.image, [keyBundle(scene.image.digest, alice.privateKey)]);
  const predicate = {
    runDetails: { builder: { id: 'https://b' } },
    buildDefinition: { externalParameters: { source: 'https://s' } },
  };
  const good = { predicateType: provenance, predicate };
  const other = await addManifest(scene.store, 'other');
  await attest(mallory.privateKey, good);
  await attest(alice.privateKey, { ...good, predicateType: 'https://spdx.dev/Document' });
  await attest(alice.privateKey, {
    ...good,
    predicate: { ...predicate, runDetails: { builder: { id: 'https://bb' } } },
  });
  await attest(alice.privateKey, {
    ...good,
    predicate: { runDetails: predicate.runDetails, buildDefinition: { resolvedDependencies: [{ uri: 'https://s' }] } },
  });
  await attest(alice.privateKey, good, other.digest);
  const refused = said(await scene.ask());
  assert.match(refused, /^rejected: .*wants an attestation of type "https:\/\/slsa\.dev\/provenance\/v1", and none/);
  await attest(alice.privateKey, good);
  const verification = await scene.ask();
  assert.equal(verification.outcome, 'accepted', said(verification));
  assert.ok(
    verification.signatures.some(({ kind, predicateType }) => kind === 'attestation' && predicateType === provenance),
  );
});

test('judge() wants the log of a key that a policy file names', async (t) => {
  const scene = await makeScene(t);
  const rekorPublicKeyData = Buffer.from(instance.logPem).toString('base64');
  const keyData = Buffer.from(alice.pem).toString('base64');
  const policyFile = join(scene.directories.local, 'policy.json');
  const requirement = {
    type: 'sigstoreSigned',
    keyData,
    rekorPublicKeyData,
    signedIdentity: { type: 'matchRepository' },
  };
  write(policyFile, JSON.stringify({ default: [requirement] }));
  await addCosign(scene.store, scene.image, { privateKey: alice.privateKey, repository: 'example.com/app' });
  assert.match(said(await scene.ask(undefined, { policyFile })), /^rejected: .*log/);
});

test('judge() verifies identities by the certificates and log keys that a policy file names', async (t) => {
  const scene = await makeScene(t);
  const policyFile = join(scene.directories.local, 'policy.json');
  const ask = async (authority: string, subjectEmail = SAN) => {
    const fulcio = { caData: Buffer.from(authority).toString('base64'), oidcIssuer: ISSUER, subjectEmail };
    const rekorPublicKeyData = Buffer.from(instance.logPem).toString('base64');
    write(policyFile, JSON.stringify({ default: [{ type: 'sigstoreSigned', fulcio, rekorPublicKeyData }] }));
    return said(await scene.ask(undefined, { policyFile, nowMs: Date.now() }));
  };
  await addBundles(scene.store, scene.image, [await instance.bundle(scene.image.digest, { issuer: ISSUER, san: SAN })]);
  // Good in every respect but one: a bundle names no image.
  assert.match(await ask(instance.authorityPem), /it names no image, and matchRepoDigestOrExact wants one/);
  assert.doesNotMatch(await ask((await makeInstance()).authorityPem), /it names no image/);
  assert.doesNotMatch(await ask(instance.authorityPem, 'other@example.com'), /it names no image/);
});

test('judge() finds the signature behind lists of components that are too much together, and takes one of them', async (t) => {
  const scene = await makeScene(t);
  scene.trust(`root.d/${alice.name}`, alice.pem);
  const predicateType = 'https://spdx.dev/Document';
  const requireAttestation = [{ prefix: '*', predicateType }];
  const settings = { rktKind: 'trust', rktVersion: 'v1', requireAttestation };
  write(join(scene.directories.local, 'trust.json'), JSON.stringify(settings));
  const components = (bytes: number) =>
    keyBundle(scene.image.digest, alice.privateKey, { predicateType, predicate: { comment: 'x'.repeat(bytes) } });
  // In base64 these are 24, 53 and 60 MiB: more than 128.
  for (const mebibytes of [18, 40, 45])
    await addBundles(scene.store, scene.image, [components(mebibytes * 1024 * 1024)]);
  assert.match(said(await scene.ask()), /^rejected: nobody .* vouches .*only 2 signatures were looked at/);
  await addBundles(scene.store, scene.image, [keyBundle(scene.image.digest, alice.privateKey)]);
  const verification = await scene.ask();
  assert.equal(verification.outcome, 'accepted', said(verification));
});
