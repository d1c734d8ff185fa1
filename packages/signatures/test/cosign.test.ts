// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import {
  parseSpkiKey,
  verifyCosignAttestation,
  verifyCosignSignature,
  type CosignLayer,
  type RefusalCode,
  type SigstoreTrust,
} from '../src/index.ts';
import {
  assertBad,
  assertGood,
  certificatePem,
  digestOf,
  entryFor,
  envelopeOf,
  ISSUER,
  makeInstance,
  messageOf,
  pairOf,
  pemOf,
  SAN,
  statementOf,
  type Made,
  type Signing,
} from './sigstore-fixtures.ts';

const digest = digestOf(Buffer.from('manifest'));
const other = digestOf(Buffer.from('another'));
const reference = 'registry.example.com/ns/app';
const keys = pairOf();
const instance = await makeInstance();
const root = await instance.root();

function payloadOf(change: object = {}, optional: unknown = null): Buffer {
  const usual = {
    identity: { 'docker-reference': reference },
    image: { 'docker-manifest-digest': digest },
    type: 'cosign container image signature',
  };
  return Buffer.from(JSON.stringify({ critical: { ...usual, ...change }, optional }));
}

/** A layer signed by a key. */
function layerOf(payload: Buffer, { privateKey }: Signing = keys, hash: string | null = 'sha256'): CosignLayer {
  const signature = sign(hash, payload, privateKey).toString('base64');
  return { payload, annotations: { 'dev.cosignproject.cosign/signature': signature } };
}

const keyOf = ({ publicKey }: Signing) => parseSpkiKey(Buffer.from(pemOf(publicKey)), 'key "x.pub"');
const signerOf = (signing: Signing) => ({ kind: 'key', fingerprint: keyOf(signing).fingerprint }) as const;
const byKey: SigstoreTrust = { kind: 'keys', keys: [keyOf(keys)] };
const identity = { issuer: ISSUER, san: SAN };
const byIdentity = { kind: 'identities', identities: [identity], root } as const;
const signer = { kind: 'identity', ...identity } as const;
const ask = (layer: CosignLayer, trust: SigstoreTrust = byKey, about = digest) =>
  verifyCosignSignature(layer, { digest: about, trust, now: new Date() });

/** What cosign writes beside a signature that it has logged. */
async function annotationsOf(made: Made, signing: Signing, log = instance): Promise<Record<string, string>> {
  const entry = await log.logV1(entryFor(made, signing));
  const { body, integratedTime, logIndex, logId, inclusionPromise }: Record<string, unknown> = {
    ...entry,
    body: entry['canonicalizedBody'],
  };
  const { keyId }: { keyId?: string } = Object(logId);
  const { signedEntryTimestamp }: { signedEntryTimestamp?: string } = Object(inclusionPromise);
  const answer = {
    SignedEntryTimestamp: signedEntryTimestamp,
    Payload: {
      body,
      integratedTime: Number(integratedTime),
      logIndex: Number(logIndex),
      logID: Buffer.from(keyId ?? '', 'base64').toString('hex'),
    },
  };
  const certificate =
    signing.certificate === undefined ? {} : { 'dev.sigstore.cosign/certificate': certificatePem(signing.certificate) };
  return { ...certificate, 'dev.sigstore.cosign/bundle': JSON.stringify(answer) };
}

test('verifyCosignSignature() accepts each kind of key', async () => {
  const cases: readonly (readonly [string, Signing, string | null])[] = [
    ['P-256', keys, 'sha256'],
    ['P-384', pairOf('P-384'), 'sha256'],
    ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 }), 'sha256'],
    ['Ed25519', generateKeyPairSync('ed25519'), null],
  ];
  for (const [what, signing, hash] of cases) {
    const verdict = await ask(layerOf(payloadOf(), signing, hash), { kind: 'keys', keys: [keyOf(signing)] });
    assertGood(verdict, signerOf(signing), what);
    assert.equal(verdict.claims.digest, digest);
    assert.equal(verdict.claims.reference, reference);
  }
  assertGood(await ask(layerOf(payloadOf({}, { creator: 'x', any: {} }))), signerOf(keys), 'optional');
});

test('verifyCosignSignature() refuses signatures of others and of other things', async () => {
  const good = layerOf(payloadOf());
  const annotated = (signature: string): CosignLayer => ({
    ...good,
    annotations: { 'dev.cosignproject.cosign/signature': signature },
  });
  const cases: readonly (readonly [string, CosignLayer, RefusalCode])[] = [
    ['no annotation', { ...good, annotations: {} }, 'unsigned'],
    ['an empty one', annotated(''), 'unsigned'],
    ['no base64', annotated('%%%'), 'malformed'],
    ['garbage', annotated('AAAA'), 'wrong-signature'],
    ['a good one with a tail', annotated(`${good.annotations['dev.cosignproject.cosign/signature']}!`), 'malformed'],
    ['another key', layerOf(payloadOf(), pairOf()), 'wrong-signature'],
    ['another payload', { ...good, payload: payloadOf({}, {}) }, 'wrong-signature'],
    ['another digest', layerOf(payloadOf({ image: { 'docker-manifest-digest': other } })), 'wrong-digest'],
    ['another type', layerOf(payloadOf({ type: 'atomic container signature' })), 'wrong-type'],
    ['an unknown critical member', layerOf(payloadOf({ more: 1 })), 'malformed'],
    [
      'the digest twice',
      layerOf(Buffer.from(payloadOf().toString().replace('"image":', '"image":{},"image":'))),
      'malformed',
    ],
    ['no JSON', layerOf(Buffer.from('hello')), 'malformed'],
    ['too much', layerOf(Buffer.alloc(1024 * 1024 + 1)), 'malformed'],
  ];
  for (const [what, layer, code] of cases) assertBad(await ask(layer), code, what);
  assertBad(await ask(good, { kind: 'keys', keys: [] }), 'nobody-trusted', 'no keys');
  assertBad(await ask(good, byKey, other), 'wrong-digest', 'asked about another image');
});

test('verifyCosignSignature() accepts identities with the promise of the log', async () => {
  const signing = await instance.certify();
  const layer = layerOf(payloadOf(), signing);
  const made = messageOf(payloadOf(), signing);
  const signature = { 'dev.cosignproject.cosign/signature': made.signature.toString('base64') };
  const more = await annotationsOf(made, signing);
  const good = { payload: layer.payload, annotations: { ...signature, ...more } };
  const verdict = await ask(good, byIdentity);
  assertGood(verdict, signer, 'keyless');
  assert.equal(verdict.claims.reference, reference);
  assert.equal(verdict.signedAt?.source, 'log');
  assert.match(verdict.log?.index ?? '', /^\d+$/);
  assertBad(await ask(good, byIdentity, other), 'wrong-digest', 'another image');
  assertBad(await ask(good), 'unknown-key', 'an identity where a key is wanted');
  for (const change of [{ san: SAN.slice(0, -1) }, { san: '.*' }, { issuer: `${ISSUER}.org` }, { issuer: '' }])
    assertBad(
      await ask(good, { ...byIdentity, identities: [{ ...identity, ...change }] }),
      'wrong-identity',
      JSON.stringify(change),
    );
  const { certificate, ...rest } = { ...good.annotations, certificate: undefined };
  assert.equal(certificate, undefined);
  const without = (name: string) =>
    Object.fromEntries(Object.entries(rest).filter(([key]) => key !== `dev.sigstore.cosign/${name}`));
  const stranger = await instance.certify({ san: `${SAN}x` });
  const cases: readonly (readonly [string, Record<string, string | undefined>, RefusalCode])[] = [
    ['no log', without('bundle'), 'log-missing'],
    ['no certificate', without('certificate'), 'unknown-key'],
    [
      'two certificates',
      { ...rest, 'dev.sigstore.cosign/certificate': (more['dev.sigstore.cosign/certificate'] ?? '').repeat(2) },
      'malformed',
    ],
    [
      'the certificate of somebody else',
      { ...rest, 'dev.sigstore.cosign/certificate': certificatePem(stranger.certificate ?? assert.fail()) },
      'wrong-signature',
    ],
    [
      'the entry of another signature',
      { ...rest, ...(await annotationsOf(messageOf(payloadOf(), signing), signing)) },
      'log-mismatch',
    ],
    [
      'the entry of another key',
      { ...rest, 'dev.sigstore.cosign/bundle': (await annotationsOf(made, stranger))['dev.sigstore.cosign/bundle'] },
      'log-mismatch',
    ],
    [
      'another log',
      {
        ...rest,
        'dev.sigstore.cosign/bundle': (await annotationsOf(made, signing, await makeInstance()))[
          'dev.sigstore.cosign/bundle'
        ],
      },
      'log-untrusted',
    ],
    [
      'no promise of the log',
      {
        ...rest,
        'dev.sigstore.cosign/bundle': (more['dev.sigstore.cosign/bundle'] ?? '').replace(
          'SignedEntryTimestamp',
          'signedEntryTimestamp',
        ),
      },
      'log-untrusted',
    ],
    ['a broken entry', { ...rest, 'dev.sigstore.cosign/bundle': '{}' }, 'malformed'],
    [
      'an entry twice',
      { ...rest, 'dev.sigstore.cosign/bundle': `{"Payload":{},${(more['dev.sigstore.cosign/bundle'] ?? '').slice(1)}` },
      'malformed',
    ],
    [
      'another time',
      {
        ...rest,
        'dev.sigstore.cosign/bundle': (more['dev.sigstore.cosign/bundle'] ?? '').replace(
          /"integratedTime":\d+/,
          '"integratedTime":1700000000',
        ),
      },
      'untrusted-certificate',
    ],
  ];
  for (const [what, annotations, code] of cases)
    assertBad(
      await ask({ payload: layer.payload, annotations: JSON.parse(JSON.stringify(annotations)) }, byIdentity),
      code,
      what,
    );
});

test('verifyCosignSignature() wants the log beside a key if a log is trusted', async () => {
  const trust: SigstoreTrust = { kind: 'keys', keys: [keyOf(keys)], root };
  const made = messageOf(payloadOf(), keys);
  const annotations = { 'dev.cosignproject.cosign/signature': made.signature.toString('base64') };
  const logged = { payload: payloadOf(), annotations: { ...annotations, ...(await annotationsOf(made, keys)) } };
  assertGood(await ask(logged, trust), signerOf(keys), 'logged');
  assertBad(await ask({ ...logged, annotations }, trust), 'log-missing', 'not logged');
  const junk = { ...annotations, 'dev.sigstore.cosign/bundle': 'junk' };
  assertGood(await ask({ ...logged, annotations: junk }), signerOf(keys), 'no log is trusted');
});

test('verifyCosignSignature() accepts the time of an authority', async () => {
  const signing = await instance.certify();
  const made = messageOf(payloadOf(), signing);
  const { rfc3161Timestamps }: { rfc3161Timestamps?: { signedTimestamp: string }[] } = await instance.stamp(
    made.signature,
  );
  const annotations = {
    'dev.cosignproject.cosign/signature': made.signature.toString('base64'),
    ...(await annotationsOf(made, signing)),
    'dev.sigstore.cosign/rfc3161timestamp': JSON.stringify({
      SignedRFC3161Timestamp: rfc3161Timestamps?.[0]?.signedTimestamp,
    }),
  };
  const verdict = await ask({ payload: payloadOf(), annotations }, byIdentity);
  assertGood(verdict, signer, 'stamped');
  assert.equal(verdict.signedAt?.source, 'tsa');
});

test('verifyCosignAttestation() returns the statement of an envelope, by key and by identity', async () => {
  const predicateType = 'https://spdx.dev/Document';
  const text = statementOf(digest, predicateType);
  const attest = (made: Made, trust: SigstoreTrust, { annotations = {}, about = digest } = {}) => {
    const { dsseEnvelope } = made.content;
    const payload = Buffer.from(JSON.stringify(dsseEnvelope));
    return verifyCosignAttestation({ payload, annotations }, { digest: about, trust, now: new Date() });
  };
  const made = envelopeOf(text, keys);
  const verdict = await attest(made, byKey);
  assertGood(verdict, signerOf(keys), 'key');
  assert.equal(verdict.claims.predicateType, predicateType);
  assertBad(await attest(made, byKey, { about: other }), 'wrong-digest', 'another image');
  assertBad(await attest(envelopeOf(text, pairOf()), byKey), 'wrong-signature', 'another key');
  const [signature, stranger] = [made, envelopeOf(text, pairOf())].map((one) => one.signature.toString('base64'));
  const envelope: object = Object(made.content['dsseEnvelope']);
  for (const sigs of [[signature, stranger], [stranger, signature], [signature, signature], []]) {
    const dsseEnvelope = { ...envelope, signatures: sigs.map((sig) => ({ sig, keyid: '' })) };
    assertBad(await attest({ ...made, content: { dsseEnvelope } }, byKey), 'malformed', `${sigs.length} signatures`);
  }
  const typed = envelopeOf(text, keys, { payloadType: 'application/json' });
  assertBad(await attest(typed, byKey), 'wrong-type', 'another payload type');
  const twice = envelopeOf(text.replace(/}$/, `,"predicateType":"${predicateType}"}`), keys);
  assertBad(await attest(twice, byKey), 'malformed', 'the predicate type twice');
  const signing = await instance.certify();
  const keyless = envelopeOf(text, signing);
  assertGood(
    await attest(keyless, byIdentity, { annotations: await annotationsOf(keyless, signing) }),
    signer,
    'identity',
  );
});
