// SPDX-License-Identifier: Apache-2.0
// Every byte of small signed inputs changed: no exception, and nothing good but what was signed.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { EXIT, Failure } from '@rkt/exit';
import {
  issuersOfDetached,
  parsePgpKeys,
  parseSpkiKey,
  parseTrustedRoot,
  verifyBundleSignature,
  verifyCosignSignature,
  verifySimpleSigning,
  type Verdict,
} from '../src/index.ts';
import { makeKeyring } from './gpg.ts';
import { trusted, verifyFile, whole } from './pgp-fixtures.ts';
import { bundleOf, bytesOf, digestOf, envelopeOf, messageOf, pairOf, pemOf, statementOf } from './sigstore-fixtures.ts';

const ring = makeKeyring();
after(() => ring[Symbol.dispose]());

const user = 'Fuzz <fuzz@example.com>';
ring.make(user, 'ed25519', { at: '20200101T000000' });
const pgpKeys = await trusted(ring.publicKey(user));
const now = new Date();
const digest = digestOf(Buffer.from('manifest'));
const other = digestOf(Buffer.from('another'));

/** The input with each byte changed in turn: one bit, all bits, and left out. */
function* mutationsOf(input: Buffer): Generator<Buffer> {
  for (let at = 0; at < input.length; at += 1) {
    for (const mask of [1 << (at % 8), 0xff]) {
      const changed = Buffer.from(input);
      changed.writeUInt8((input[at] ?? 0) ^ mask, at);
      yield changed;
    }
    yield Buffer.concat([input.subarray(0, at), input.subarray(at + 1)]);
  }
}

/** Fails unless a parser has refused its input. */
function refusal(error: unknown): void {
  assert.ok(error instanceof Failure && error.status === EXIT.dataRefused, String(error));
}

/** What may come out when somebody changed the input: a refusal, or what was signed in the first place. */
function assertHarmless(verdict: Verdict): void {
  if (verdict.outcome === 'bad') assert.match(verdict.reason, /^[\x20-\x7e]+$/);
  else if (verdict.claims.digest !== undefined) assert.equal(verdict.claims.digest, digest);
}

test('no change of a detached signature is an exception, none of the content is good', async () => {
  const content = Buffer.from('forty bytes of content, to be signed ...');
  const ask = (signed: Buffer, signature: Buffer) => verifyFile(whole(signed), { signature, keys: pgpKeys, now });
  for (const signature of [ring.sign(user, content), ring.sign(user, content, { options: ['--armor'] })]) {
    for (const changed of mutationsOf(signature)) {
      assertHarmless((await ask(content, changed)).verdict);
      assert.equal((await ask(Buffer.from('another content'), changed)).verdict.outcome, 'bad');
    }
    for (const changed of mutationsOf(content)) assert.equal((await ask(changed, signature)).verdict.outcome, 'bad');
  }
});

test('no change of a simple signature is an exception or about another image', async () => {
  const critical = {
    type: 'atomic container signature',
    image: { 'docker-manifest-digest': digest },
    identity: { 'docker-reference': 'registry.example.com/app:1' },
  };
  const input = JSON.stringify({ critical, optional: {} });
  for (const algorithm of ['none', 'zlib']) {
    const options = ['--local-user', `=${user}`, '--compress-algo', algorithm, '--sign', '--output', '-'];
    const blob = ring.gpg(options, { input });
    for (const changed of mutationsOf(blob)) {
      assertHarmless(await verifySimpleSigning(changed, { digest, keys: pgpKeys, now }));
      assert.equal((await verifySimpleSigning(changed, { digest: other, keys: pgpKeys, now })).outcome, 'bad');
    }
  }
});

test('no change of a bundle or a layer of cosign is an exception or about another image', async () => {
  const keys = pairOf();
  const trust = { kind: 'keys', keys: [parseSpkiKey(Buffer.from(pemOf(keys.publicKey)), 'key')] } as const;
  const bundle = bytesOf(bundleOf(envelopeOf(statementOf(digest), keys), keys));
  for (const changed of mutationsOf(bundle)) {
    assertHarmless(await verifyBundleSignature(changed, { digest, trust, now }));
    assert.equal((await verifyBundleSignature(changed, { digest: other, trust, now })).outcome, 'bad');
  }
  const critical = {
    type: 'cosign container image signature',
    image: { 'docker-manifest-digest': digest },
    identity: { 'docker-reference': 'registry.example.com/app' },
  };
  const payload = Buffer.from(JSON.stringify({ critical, optional: null }));
  const signature = messageOf(payload, keys).signature.toString('base64');
  const ask = (signed: Buffer, text: string, about = digest) =>
    verifyCosignSignature(
      { payload: signed, annotations: { 'dev.cosignproject.cosign/signature': text } },
      { digest: about, trust, now },
    );
  assert.equal((await ask(payload, signature)).outcome, 'good');
  for (const changed of mutationsOf(payload)) assert.equal((await ask(changed, signature)).outcome, 'bad');
  for (const changed of mutationsOf(Buffer.from(signature))) {
    assertHarmless(await ask(payload, changed.toString('latin1')));
    assert.equal((await ask(payload, changed.toString('latin1'), other)).outcome, 'bad');
  }
});

test('no change of a key is anything but a key or a refusal', async () => {
  for (const file of [ring.publicKey(user), ring.publicKey(user, '--armor')])
    for (const changed of mutationsOf(file)) await parsePgpKeys(changed, 'key').catch(refusal);
});

test('no bytes at all are an exception', async () => {
  const heads = [
    Buffer.alloc(0),
    Buffer.from('-----BEGIN PGP SIGNATURE-----\n'),
    Buffer.from([0x88, 0x75, 0x04]),
    Buffer.from('{'),
  ];
  const input = fc
    .tuple(fc.constantFrom(...heads), fc.uint8Array({ maxLength: 400 }))
    .map(([head, tail]) => Buffer.concat([head, tail]));
  const keys = { kind: 'keys', keys: [] } as const;
  await fc.assert(
    fc.asyncProperty(input, async (bytes) => {
      assert.equal((await verifyFile(whole(bytes), { signature: bytes, keys: pgpKeys, now })).verdict.outcome, 'bad');
      assert.ok(await issuersOfDetached(bytes));
      assert.equal((await verifySimpleSigning(bytes, { digest, keys: pgpKeys, now })).outcome, 'bad');
      assert.equal((await verifyBundleSignature(bytes, { digest, trust: keys, now })).outcome, 'bad');
      await parsePgpKeys(bytes, 'key').catch(refusal);
      await parseTrustedRoot(bytes, 'root').catch(refusal);
      try {
        parseSpkiKey(bytes, 'key');
      } catch (error) {
        refusal(error);
      }
    }),
    { numRuns: 300 },
  );
});
