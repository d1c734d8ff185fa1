// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import {
  parseSpkiKey,
  verifyBundleAttestation,
  verifyBundleSignature,
  type RefusalCode,
  type SpkiKey,
} from '../src/index.ts';
import {
  assertBad,
  assertGood,
  bundleOf,
  bytesOf,
  digestOf,
  entryFor,
  entryForV2,
  envelopeOf,
  makeInstance,
  MEDIA_TYPE,
  messageOf,
  pairOf,
  pemOf,
  sha256,
  statementOf,
  type Made,
  type Signing,
} from './sigstore-fixtures.ts';

const manifest = Buffer.from('{"schemaVersion":2}');
const digest = digestOf(manifest);
const other = digestOf(Buffer.from('another'));
const keys = pairOf();
const instance = await makeInstance();
const root = await instance.root();

const keyOf = ({ publicKey }: Signing): SpkiKey => parseSpkiKey(Buffer.from(pemOf(publicKey)), 'key "x.pub"');
const signerOf = (signing: Signing) => ({ kind: 'key', fingerprint: keyOf(signing).fingerprint }) as const;

const ask = (document: unknown, trusted: readonly SpkiKey[] = [keyOf(keys)], about = digest) =>
  verifyBundleSignature(Buffer.isBuffer(document) ? document : bytesOf(document), {
    digest: about,
    content: manifest,
    trust: { kind: 'keys', keys: trusted },
    now: new Date(),
  });

const askLog = (document: unknown) =>
  verifyBundleSignature(bytesOf(document), {
    digest,
    content: manifest,
    trust: { kind: 'keys', keys: [keyOf(keys)], root },
    now: new Date(),
  });

const good = envelopeOf(statementOf(digest), keys);

test('verifyBundleSignature() accepts the signature of cosign by each kind of key', async () => {
  const cases: readonly (readonly [string, Signing, string | null])[] = [
    ['P-256', pairOf(), 'sha256'],
    ['P-384', pairOf('P-384'), 'sha384'],
    ['P-384 with SHA-256', pairOf('P-384'), 'sha256'],
    ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 }), 'sha256'],
    ['Ed25519', generateKeyPairSync('ed25519'), null],
  ];
  for (const [what, signing, hash] of cases) {
    const made = envelopeOf(statementOf(digest), signing, { hash });
    const verdict = await ask(bundleOf(made, signing), [keyOf(keys), keyOf(signing)]);
    assertGood(verdict, signerOf(signing), what);
    assert.equal(verdict.claims.digest, digest);
    assert.equal(verdict.signedAt, undefined);
  }
});

test('verifyBundleSignature() accepts the media types of all versions and no others', async () => {
  const old = 'application/vnd.dev.sigstore.bundle+json;version=0';
  for (const mediaType of [`${old}.1`, `${old}.2`, `${old}.3`, MEDIA_TYPE])
    assertGood(await ask({ ...bundleOf(good, keys), mediaType }), signerOf(keys), mediaType);
  for (const mediaType of [`${old}.4`, `${old}.1x`, 'application/json', '', 7, undefined])
    assertBad(await ask({ ...bundleOf(good, keys), mediaType }), 'unsupported', String(mediaType));
});

test('verifyBundleSignature() accepts a signature directly over the bytes, if it has them', async () => {
  const bundle = bundleOf(messageOf(manifest, keys), keys);
  const verdict = await ask(bundle);
  assertGood(verdict, signerOf(keys), 'message');
  assert.equal(verdict.claims.digest, digest);
  assertBad(await ask(bundle, undefined, other), 'wrong-digest', 'another image');
  const trust = { kind: 'keys', keys: [keyOf(keys)] } as const;
  const blind = await verifyBundleSignature(bytesOf(bundle), { digest, trust, now: new Date() });
  assertBad(blind, 'nobody-trusted', 'without the bytes');
  const forged = messageOf(manifest, keys);
  const messageSignature = {
    messageDigest: { algorithm: 'SHA2_256', digest: sha256(Buffer.from('x')).toString('base64') },
  };
  const content = { messageSignature: { ...messageSignature, signature: forged.signature.toString('base64') } };
  assertBad(
    await ask(bundleOf({ ...forged, content }, keys)),
    'wrong-digest',
    'a digest that is not that of the bytes',
  );
});

test('verifyBundleSignature() takes no key from the hint and refuses those that are not trusted', async () => {
  const stranger = pairOf();
  const made = envelopeOf(statementOf(digest), stranger);
  const hint = keyOf(keys).fingerprint;
  const bundle = { ...bundleOf(made, stranger), verificationMaterial: { publicKey: { hint }, tlogEntries: [] } };
  assertBad(await ask(bundle), 'wrong-signature', 'a stranger with our hint');
  assertBad(await ask(bundleOf(good, keys), []), 'nobody-trusted', 'no keys');
  const certified = await instance.certify();
  const verdict = await ask(bundleOf(envelopeOf(statementOf(digest), certified), certified));
  assertBad(verdict, 'unknown-key', 'an identity where a key is wanted');
  assert.equal(verdict.signer?.kind, 'identity');
});

test('verifyBundleSignature() refuses good signatures of something else', async () => {
  const statement = (change: object) => JSON.stringify({ ...JSON.parse(statementOf(digest)), ...change });
  const hex = digest.slice(7);
  const cases: readonly (readonly [string, string, RefusalCode])[] = [
    ['another digest', statementOf(other), 'wrong-digest'],
    ['the digest under another algorithm', statement({ subject: [{ digest: { sha512: hex } }] }), 'wrong-digest'],
    ['a part of the digest', statement({ subject: [{ digest: { sha256: hex.slice(1) } }] }), 'wrong-digest'],
    ['upper case', statement({ subject: [{ digest: { sha256: hex.toUpperCase() } }] }), 'wrong-digest'],
    ['a name like the digest', statement({ subject: [{ name: digest, digest: { sha256: 'x' } }] }), 'wrong-digest'],
    ['no subject', statement({ subject: [] }), 'malformed'],
    ['a subject without digest', statement({ subject: [{ name: 'x' }] }), 'malformed'],
    ['an SBOM', statementOf(digest, 'https://spdx.dev/Document'), 'wrong-type'],
    ['provenance', statementOf(digest, 'https://slsa.dev/provenance/v1'), 'wrong-type'],
    ['a longer type', statementOf(digest, 'https://sigstore.dev/cosign/sign/v12'), 'wrong-type'],
    ['no type', statement({ predicateType: undefined }), 'malformed'],
    ['another statement', statement({ _type: 'https://in-toto.io/Statement/v2' }), 'wrong-type'],
    ['no JSON', 'hello', 'malformed'],
    [
      'the predicate type twice',
      statementOf(digest, 'x').replace(/}$/, ',"predicateType":"https://sigstore.dev/cosign/sign/v1"}'),
      'malformed',
    ],
    [
      'the subject twice',
      statementOf(other).replace(/}$/, `,"subject":[{"digest":{"sha256":"${hex}"}}]}`),
      'malformed',
    ],
  ];
  for (const [what, payload, code] of cases)
    assertBad(await ask(bundleOf(envelopeOf(payload, keys), keys)), code, what);
  assertBad(
    await ask(bundleOf(envelopeOf(statementOf(digest), keys, { payloadType: 'application/json' }), keys)),
    'wrong-type',
    'type',
  );
  const several = statement({ subject: [{ digest: { sha256: 'x' } }, { digest: { sha512: 'y', sha256: hex } }] });
  assertGood(await ask(bundleOf(envelopeOf(several, keys), keys)), signerOf(keys), 'one of several subjects');
});

test('verifyBundleSignature() refuses envelopes that can be read in two ways', async () => {
  const bundle = bundleOf(good, keys);
  const envelope: object = Object(bundle['dsseEnvelope']);
  const signature = { sig: good.signature.toString('base64'), keyid: '' };
  const text = JSON.stringify(bundle);
  const cases: readonly (readonly [string, unknown, RefusalCode])[] = [
    ['no signature', { ...bundle, dsseEnvelope: { ...envelope, signatures: [] } }, 'malformed'],
    ['two signatures', { ...bundle, dsseEnvelope: { ...envelope, signatures: [signature, signature] } }, 'malformed'],
    ['an empty signature', { ...bundle, dsseEnvelope: { ...envelope, signatures: [{ sig: '' }] } }, 'malformed'],
    [
      'another signature',
      { ...bundle, dsseEnvelope: { ...envelope, signatures: [{ sig: 'AAAA' }] } },
      'wrong-signature',
    ],
    ['two contents', { ...bundle, ...messageOf(manifest, keys).content }, 'malformed'],
    ['no content', { ...bundle, dsseEnvelope: undefined }, 'malformed'],
    ['no material', { ...bundle, verificationMaterial: undefined }, 'malformed'],
    ['two keys', { ...bundle, verificationMaterial: { publicKey: {}, certificate: {}, tlogEntries: [] } }, 'malformed'],
    ['the envelope twice', Buffer.from(text.replace(/^{/, '{"dsseEnvelope":{},')), 'malformed'],
    ['a list', Buffer.from('[]'), 'malformed'],
    ['nothing', Buffer.alloc(0), 'malformed'],
    ['no text', Buffer.from([0xff, 0xfe]), 'malformed'],
  ];
  for (const [what, document, code] of cases) assertBad(await ask(document), code, what);
});

test('verifyBundleSignature() looks at logs only if a log is trusted', async () => {
  const entry = await instance.logV1(entryFor(good, keys));
  for (const tlogEntries of [[entry], [{ broken: true }], [entry, entry], []])
    assertGood(await ask(bundleOf(good, keys, { tlogEntries })), signerOf(keys), `${tlogEntries.length} entries`);
  const verdict = await askLog(bundleOf(good, keys, { tlogEntries: [entry] }));
  assertGood(verdict, signerOf(keys), 'logged');
  assert.equal(verdict.log?.index, entry['logIndex']);
  assert.match(verdict.log?.id ?? '', /^[0-9a-f]{64}$/);
  assert.equal(verdict.signedAt?.source, 'log');
  const second = await askLog(bundleOf(good, keys, { tlogEntries: [await instance.logV2(entryForV2(good, keys))] }));
  assertGood(second, signerOf(keys), 'logged by the second generation');
  assert.equal(second.signedAt, undefined);
});

test('verifyBundleSignature() refuses entries of logs that prove nothing about this signature', async () => {
  const stranger = pairOf();
  const elsewhere = await makeInstance();
  const again = envelopeOf(statementOf(digest), keys);
  const twin: Made = { ...good, logged: Buffer.from(statementOf(other)) };
  const entry = await instance.logV1(entryFor(good, keys));
  const cases: readonly (readonly [string, unknown, RefusalCode])[] = [
    ['no entry', [], 'log-missing'],
    ['another key', [await instance.logV1(entryFor(good, stranger))], 'log-mismatch'],
    ['another key in the second generation', [await instance.logV2(entryForV2(good, stranger))], 'log-mismatch'],
    ['another signature', [await instance.logV1(entryFor(again, keys))], 'log-mismatch'],
    ['another digest', [await instance.logV1(entryFor(twin, keys))], 'log-mismatch'],
    ['an unknown log', [await elsewhere.logV1(entryFor(good, keys))], 'log-untrusted'],
    ['a good one and an unknown log', [entry, await elsewhere.logV1(entryFor(good, keys))], 'log-untrusted'],
    ['the same entry twice', [entry, entry], 'time-untrusted'],
    [
      'another body',
      [{ ...entry, canonicalizedBody: bytesOf(entryFor(good, stranger)).toString('base64') }],
      'log-untrusted',
    ],
    ['no proof', [{ ...entry, inclusionProof: undefined, inclusionPromise: undefined }], 'malformed'],
    ['another time', [{ ...entry, integratedTime: '1700000000' }], 'log-untrusted'],
    ['an unknown kind', [await instance.logV1({ ...entryFor(good, keys), kind: 'rekord' })], 'log-mismatch'],
    ['nine entries', Array.from({ length: 9 }, () => entry), 'malformed'],
  ];
  for (const [what, tlogEntries, code] of cases)
    assertBad(await askLog(bundleOf(good, keys, { tlogEntries })), code, what);
});

test('verifyBundleSignature() refuses entries of logs about other bytes than those of a message', async () => {
  const message = messageOf(manifest, keys);
  const elsewhere: Made = { ...message, logged: Buffer.from('other bytes') };
  for (const [made, code] of [
    [message, undefined],
    [elsewhere, 'log-mismatch'],
  ] as const)
    for (const entry of [await instance.logV1(entryFor(made, keys)), await instance.logV2(entryForV2(made, keys))]) {
      const verdict = await askLog(bundleOf(message, keys, { tlogEntries: [entry] }));
      if (code === undefined) assertGood(verdict, signerOf(keys), 'logged');
      else assertBad(verdict, code, 'other bytes');
    }
});

test('verifyBundleAttestation() returns statements of any type about the image', async () => {
  const predicateType = 'https://slsa.dev/provenance/v1';
  const text = JSON.stringify({
    ...JSON.parse(statementOf(digest, predicateType)),
    predicate: { builder: { id: 'x' } },
  });
  const question = { digest, trust: { kind: 'keys', keys: [keyOf(keys)] }, now: new Date() } as const;
  const bundle = bytesOf(bundleOf(envelopeOf(text, keys), keys));
  const verdict = await verifyBundleAttestation(bundle, question);
  assertGood(verdict, signerOf(keys), 'provenance');
  assert.deepEqual(verdict.claims, {
    digest,
    reference: undefined,
    predicateType,
    predicate: { builder: { id: 'x' } },
    statement: JSON.parse(text),
  });
  assertBad(await verifyBundleAttestation(bundle, { ...question, digest: other }), 'wrong-digest', 'another image');
  const message = bytesOf(bundleOf(messageOf(manifest, keys), keys));
  assertBad(await verifyBundleAttestation(message, { ...question, content: manifest }), 'wrong-type', 'a message');
  const unsigned = {
    ...bundleOf(envelopeOf(text, keys), keys),
    dsseEnvelope: { payload: '', payloadType: '', signatures: [] },
  };
  assertBad(await verifyBundleAttestation(bytesOf(unsigned), question), 'malformed', 'unsigned');
});

test('a signature over the payload alone is none over the envelope', async () => {
  const payload = Buffer.from(statementOf(digest));
  const signatures = [{ sig: sign('sha256', payload, keys.privateKey).toString('base64') }];
  const dsseEnvelope = { payload: payload.toString('base64'), payloadType: 'application/vnd.in-toto+json', signatures };
  assertBad(await ask({ ...bundleOf(good, keys), dsseEnvelope }), 'wrong-signature', 'payload');
});
