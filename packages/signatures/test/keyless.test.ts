// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifyBundleSignature, type Identity, type RefusalCode, type TrustedRoot } from '../src/index.ts';
import {
  asMessage,
  assertBad,
  assertGood,
  bundleOf,
  bytesOf,
  digestOf,
  entryFor,
  entryForV2,
  envelopeOf,
  ISSUER,
  makeInstance,
  messageOf,
  pairOf,
  SAN,
  statementOf,
  type Made,
  type Signing,
} from './sigstore-fixtures.ts';

const manifest = Buffer.from('{"schemaVersion":2}');
const digest = digestOf(manifest);
const instance = await makeInstance();
const root = await instance.root();
const identity: Identity = { issuer: ISSUER, san: SAN };
const signer = { kind: 'identity', ...identity } as const;

interface Asked {
  readonly identities?: readonly Identity[];
  readonly root?: TrustedRoot;
  readonly now?: Date;
}

const ask = (document: unknown, { identities = [identity], root: trusted = root, now = new Date() }: Asked = {}) =>
  verifyBundleSignature(bytesOf(document), {
    digest,
    content: manifest,
    trust: { kind: 'identities', identities, root: trusted },
    now,
  });

const signing = await instance.certify();
const good = envelopeOf(statementOf(digest), signing);
const entry = await instance.logV1(entryFor(good, signing));
const bundle = bundleOf(good, signing, { tlogEntries: [entry] });

/** A bundle with a log of the first generation. */
async function logged(made: Made, by: Signing) {
  return bundleOf(made, by, { tlogEntries: [await instance.logV1(entryFor(made, by))] });
}

test('verifyBundleSignature() accepts an identity, with the time of the log', async () => {
  const verdict = await ask(bundle);
  assertGood(verdict, signer, 'first generation');
  assert.equal(verdict.claims.digest, digest);
  assert.equal(verdict.signedAt?.source, 'log');
  assert.equal(verdict.signedAt.time.getTime(), Number(entry['integratedTime']) * 1000);
  assert.equal(verdict.log?.index, entry['logIndex']);
  assertGood(await ask(await logged(messageOf(manifest, signing), signing)), signer, 'message');
});

test('verifyBundleSignature() accepts entries of the second generation with the time of an authority only', async () => {
  for (const made of [good, asMessage(good, statementOf(digest)), messageOf(manifest, signing)]) {
    const tlogEntries = [await instance.logV2(entryForV2(made, signing))];
    const timestampVerificationData = await instance.stamp(made.signature);
    const verdict = await ask(bundleOf(made, signing, { tlogEntries, timestampVerificationData }));
    assertGood(verdict, signer, made.kind);
    assert.equal(verdict.signedAt?.source, 'tsa');
    // The index that is proved, not the one that stands beside.
    assert.equal(verdict.log?.index, '0');
    assertBad(await ask(bundleOf(made, signing, { tlogEntries })), 'time-missing', 'without a timestamp');
    const claimed = tlogEntries.map((one) => ({ ...one, integratedTime: String(Math.floor(Date.now() / 1000)) }));
    assertBad(
      await ask(bundleOf(made, signing, { tlogEntries: claimed })),
      'time-missing',
      'a time that nobody signed',
    );
    const stray = await instance.stamp(Buffer.from('another signature'));
    const strayed = bundleOf(made, signing, { tlogEntries, timestampVerificationData: stray });
    assertBad(await ask(strayed), 'time-untrusted', 'the timestamp of another signature');
  }
});

test('verifyBundleSignature() accepts the older kinds of entries and issuers', async () => {
  const body = {
    apiVersion: '0.0.2',
    kind: 'intoto',
    spec: {
      content: {
        envelope: {
          payloadType: 'application/vnd.in-toto+json',
          signatures: [
            {
              sig: Buffer.from(good.signature.toString('base64')).toString('base64'),
              publicKey: verifierOf(entryFor(good, signing)),
            },
          ],
        },
        payloadHash: { algorithm: 'sha256', value: digestOf(good.logged).slice(7) },
      },
    },
  };
  assertGood(await ask(bundleOf(good, signing, { tlogEntries: [await instance.logV1(body)] })), signer, 'intoto');
  const old = await instance.certify({ old: true });
  assertGood(await ask(await logged(envelopeOf(statementOf(digest), old), old)), signer, 'the old extension');
});

function verifierOf(body: Record<string, unknown>): string {
  const { spec }: { spec?: { signatures?: readonly { verifier: string }[] } } = body;
  return spec?.signatures?.[0]?.verifier ?? assert.fail();
}

test('verifyBundleSignature() compares names and issuers as they are', async () => {
  const identities: readonly (readonly [string, Partial<Identity>])[] = [
    ['a part of the name', { san: 'https://github.example.com/acme' }],
    ['the end of the name', { san: SAN.slice(8) }],
    ['a longer name', { san: `${SAN}2` }],
    ['a pattern', { san: '.*' }],
    ['an anchored pattern', { san: `^${SAN}$` }],
    ['any character', { san: SAN.replace('github.', 'githubx') }],
    ['another case', { san: SAN.toUpperCase() }],
    ['nothing', { san: '' }],
    ['another issuer', { issuer: 'https://accounts.example.com' }],
    ['a part of the issuer', { issuer: ISSUER.slice(0, -1) }],
    ['a pattern for the issuer', { issuer: '.*' }],
    ['no issuer', { issuer: '' }],
  ];
  for (const [what, change] of identities) {
    const verdict = await ask(bundle, { identities: [{ ...identity, ...change }] });
    assertBad(verdict, 'wrong-identity', what);
    assert.deepEqual(verdict.signer, signer);
  }
  const crossed = [
    { issuer: ISSUER, san: 'a@example.com' },
    { issuer: 'https://accounts.example.com', san: SAN },
  ];
  assertBad(await ask(bundle, { identities: crossed }), 'wrong-identity', 'name and issuer of different identities');
  assertGood(await ask(bundle, { identities: [...crossed, identity] }), signer, 'one of three');
  const nobody = await ask(bundle, { identities: [] });
  assertBad(nobody, 'nobody-trusted', 'no identities');
  assert.deepEqual(nobody.signer, signer);
});

test('verifyBundleSignature() refuses authorities and logs that are not of the root', async () => {
  const elsewhere = await makeInstance();
  const foreign = await elsewhere.root();
  assertBad(await ask(bundle, { root: foreign }), 'untrusted-certificate', 'another root');
  const stranger = await elsewhere.certify();
  const made = envelopeOf(statementOf(digest), stranger);
  assertBad(await ask(await logged(made, stranger)), 'untrusted-certificate', 'a certificate of somebody else');
  const cases: readonly (readonly [string, object, RefusalCode])[] = [
    ['no entry', { tlogEntries: [] }, 'log-missing'],
    ['another log', { tlogEntries: [await elsewhere.logV1(entryFor(good, signing))] }, 'log-untrusted'],
    [
      'the key alone',
      { tlogEntries: [await instance.logV1(entryFor(good, { ...signing, certificate: undefined }))] },
      'log-mismatch',
    ],
    [
      'another certificate',
      { tlogEntries: [await instance.logV1(entryFor(good, await instance.certify()))] },
      'log-mismatch',
    ],
    [
      'another signature',
      { tlogEntries: [await instance.logV1(entryFor(envelopeOf(statementOf(digest), signing), signing))] },
      'log-mismatch',
    ],
    [
      'a timestamp of somebody else',
      { tlogEntries: [entry], timestampVerificationData: await elsewhere.stamp(good.signature) },
      'time-untrusted',
    ],
    [
      'a broken timestamp',
      { tlogEntries: [entry], timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: 'AAAA' }] } },
      'malformed',
    ],
  ];
  for (const [what, more, code] of cases) assertBad(await ask(bundleOf(good, signing, { ...more })), code, what);
});

test('verifyBundleSignature() refuses a signature that the certificate did not make', async () => {
  const stolen = { ...pairOf(), certificate: signing.certificate };
  const made = envelopeOf(statementOf(digest), stolen);
  assertBad(await ask(await logged(made, stolen)), 'wrong-signature', 'another key');
  const key = pairOf();
  const bare = envelopeOf(statementOf(digest), key);
  assertBad(await ask(await logged(bare, key)), 'unknown-key', 'a key where an identity is wanted');
});

test('verifyBundleSignature() wants the certificate to be good when it signed, whatever the time is now', async () => {
  const issued = new Date(Math.floor(Date.now() / 1000) * 1000 + 3_600_000);
  const later = new Date(issued.getTime() + 86_400_000);
  for (const [minutes, accepted] of [
    [-1, false],
    [1, true],
    [9, true],
    [11, false],
  ] as const) {
    const clocked = await makeInstance({ issued, logged: new Date(issued.getTime() + minutes * 60_000) });
    const then = await clocked.certify();
    const made = envelopeOf(statementOf(digest), then);
    const first = { tlogEntries: [await clocked.logV1(entryFor(made, then))] };
    const second = {
      tlogEntries: [await clocked.logV2(entryForV2(made, then))],
      timestampVerificationData: await clocked.stamp(made.signature),
    };
    for (const more of [first, second]) {
      const verdict = await ask(bundleOf(made, then, more), { root: await clocked.root(), now: later });
      if (accepted) assertGood(verdict, signer, `${minutes} minutes`);
      else assertBad(verdict, 'untrusted-certificate', `${minutes} minutes`);
    }
  }
});

test('verifyBundleSignature() takes nothing of authorities and logs from outside of their time in the root', async () => {
  const { document } = instance;
  const stamped = bundleOf(good, signing, {
    tlogEntries: [await instance.logV2(entryForV2(good, signing))],
    timestampVerificationData: await instance.stamp(good.signature),
  });
  const past = { start: '2020-01-01T00:00:00Z', end: '2021-01-01T00:00:00Z' };
  const yetToCome = { start: '2100-01-01T00:00:00Z' };
  for (const validFor of [past, yetToCome]) {
    const authorities = (list: readonly object[]) => list.map((authority) => ({ ...authority, validFor }));
    const logs = (list: typeof document.tlogs) =>
      list.map((log) => ({ ...log, publicKey: { ...log.publicKey, validFor } }));
    const cases: readonly (readonly [object, object, RefusalCode])[] = [
      [{ certificateAuthorities: authorities(document.certificateAuthorities) }, bundle, 'untrusted-certificate'],
      [{ ctlogs: logs(document.ctlogs) }, bundle, 'untrusted-certificate'],
      [{ tlogs: logs(document.tlogs) }, bundle, 'log-untrusted'],
      [{ timestampAuthorities: authorities(document.timestampAuthorities) }, stamped, 'time-untrusted'],
    ];
    for (const [change, asked, code] of cases) {
      assertGood(await ask(asked), signer, 'in its time');
      const changed = await instance.root({ ...document, ...change });
      assertBad(await ask(asked, { root: changed }), code, `${Object.keys(change).join()} ${validFor.start}`);
    }
  }
});

test('verifyBundleSignature() refuses what was signed in the future, give or take five minutes', async () => {
  const time = Number(entry['integratedTime']) * 1000;
  assertGood(await ask(bundle, { now: new Date(time - 5 * 60_000) }), signer, 'five minutes');
  assertBad(await ask(bundle, { now: new Date(time - 5 * 60_000 - 1) }), 'signature-in-future', 'more');
});

test('verifyBundleSignature() wants a proof that the certificate was logged, if the root has such logs', async () => {
  assertGood(
    await ask(bundle, { root: await instance.root({ ...instance.document, ctlogs: [] }) }),
    signer,
    'no such logs',
  );
  const { document } = await makeInstance();
  const other = { ...instance.document, ctlogs: document.ctlogs };
  assertBad(
    await ask(bundle, { root: await instance.root(other) }),
    'untrusted-certificate',
    'another log of certificates',
  );
});

test('verifyBundleSignature() is content with the promise of a log whose name the root does not have', async () => {
  const tlogs = instance.document.tlogs.map((log) => ({ ...log, baseUrl: '' }));
  const unnamed = await instance.root({ ...instance.document, tlogs });
  assertGood(await ask(bundle, { root: unnamed }), signer, 'promised');
  const stranger = await makeInstance();
  const promise: object = Object((await stranger.logV1(entryFor(good, signing)))['inclusionPromise']);
  const forged = bundleOf(good, signing, { tlogEntries: [{ ...entry, inclusionPromise: promise }] });
  assertBad(await ask(forged, { root: unnamed }), 'log-untrusted', 'the promise of another log');
  const tlogEntries = [await instance.logV2(entryForV2(good, signing))];
  const proved = bundleOf(good, signing, {
    tlogEntries,
    timestampVerificationData: await instance.stamp(good.signature),
  });
  assertGood(await ask(proved), signer, 'proved to who knows the name');
  assertBad(await ask(proved, { root: unnamed }), 'log-untrusted', 'proved only');
});
