// SPDX-License-Identifier: Apache-2.0
// What keys say about themselves, and signatures beside what they sign: as no program makes it, with real signatures.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type RefusalCode, type Verdict } from '../src/index.ts';
import { makeKeyring } from './gpg.ts';
import {
  backOf,
  bindingOf,
  FLAG,
  makePart,
  primaryOf,
  revocationOf,
  signContent,
  subkeyOf,
  subpacket,
  type Part,
  type Said,
  type Subpacket,
} from './openpgp-packets.ts';
import { assertBad, assertGood, trusted, verifyFile, whole } from './pgp-fixtures.ts';

const ring = makeKeyring();
after(() => ring[Symbol.dispose]());

const content = Buffer.from('what is signed');
const now = new Date('2026-01-01T00:00:00Z');
const [alice, subkey, mallory] = [makePart(), makePart(), makePart()];

const { created, embedded, expires, flags, issuer, keyExpires, keyId, notation, unknown } = subpacket;
const BEGIN = created('2020-01-01T00:00:00Z');
const YEAR = 365 * 24 * 3600;

/** What a key or a signature of Alice says, and more. */
const by = (part: Part, ...more: readonly Subpacket[]): Said => ({
  hashed: [BEGIN, keyId(part), issuer(part), ...more],
});

const signed = (part: Part, said: Said = by(part)): Buffer => signContent(part, content, said);

async function ask(key: Buffer, signature: Buffer, outdated = false): Promise<Verdict> {
  const keys = await trusted(key, outdated);
  return (await verifyFile(whole(content), { signature, keys, now })).verdict;
}

const signsItself = primaryOf(alice, by(alice, flags(FLAG.certify | FLAG.sign)));
const certifies = primaryOf(alice, by(alice, flags(FLAG.certify)));
const back = embedded(backOf(alice, subkey, by(subkey)));
const signs = flags(FLAG.sign);
const bound = (said: Said & { by?: Part } = by(alice, signs, back)) =>
  Buffer.concat([certifies, subkeyOf(subkey), bindingOf(alice, subkey, said)]);

test('verifyDetached() accepts a signature and a signing subkey made by hand, as gpgv does', async () => {
  for (const [key, part] of [
    [signsItself, alice],
    [bound(), subkey],
  ] as const) {
    assertGood(await ask(key, signed(part)), alice.fingerprint, part.fingerprint);
    assert.ok(ring.gpgv(key, signed(part), content));
  }
});

test('verifyDetached() refuses keys that do not say that they may sign', async () => {
  const cases: readonly (readonly [string, Buffer, RefusalCode])[] = [
    ['no flags', primaryOf(alice, by(alice)), 'key-unusable'],
    ['a key that certifies', certifies, 'key-unusable'],
    ['flags that nobody signed', primaryOf(alice, { ...by(alice), unhashed: [signs] }), 'key-unusable'],
    [
      'flags beside those that are signed',
      primaryOf(alice, { ...by(alice, flags(FLAG.certify)), unhashed: [signs] }),
      'key-unusable',
    ],
    ['flags that somebody else signed', primaryOf(alice, by(mallory, signs), mallory), 'key-unusable'],
    ['something critical that nobody knows', primaryOf(alice, by(alice, signs, unknown(true))), 'key-unusable'],
  ];
  for (const [what, key, code] of cases)
    for (const outdated of [false, true]) assertBad(await ask(key, signed(alice), outdated), code, what);
});

test('verifyDetached() refuses subkeys that do not belong to the key, and keys that a subkey does not belong to', async () => {
  const stolen = embedded(backOf(mallory, subkey, by(subkey)));
  const forged = embedded(backOf(alice, subkey, { ...by(mallory), by: mallory }));
  const cases: readonly (readonly [string, Buffer, RefusalCode])[] = [
    ['no binding', Buffer.concat([certifies, subkeyOf(subkey)]), 'key-unusable'],
    ['the binding of somebody else', bound({ ...by(mallory, signs, back), by: mallory }), 'key-unusable'],
    ['no signature back', bound(by(alice, signs)), 'key-unusable'],
    ['a signature back to another key', bound(by(alice, signs, stolen)), 'key-unusable'],
    ['a signature back by another key', bound(by(alice, signs, forged)), 'key-unusable'],
    ['a subkey that encrypts', bound(by(alice, flags(FLAG.encrypt), back)), 'key-unusable'],
    ['a subkey without flags', bound(by(alice, back)), 'key-unusable'],
    ['flags that nobody signed', bound({ ...by(alice, back), unhashed: [signs] }), 'key-unusable'],
    ['a subkey that was given up', Buffer.concat([bound(), revocationOf(alice, subkey, by(alice))]), 'key-revoked'],
  ];
  for (const [what, key, code] of cases)
    for (const outdated of [false, true]) assertBad(await ask(key, signed(subkey), outdated), code, what);
});

test('verifyDetached() looks at the time of keys and signatures only where it is signed', async () => {
  const sign = (hashed: readonly Subpacket[], ...unhashed: readonly Subpacket[]) =>
    signed(alice, { hashed: [issuer(alice), ...hashed], unhashed });
  const future = created('2026-02-01T00:00:00Z');
  const cases: readonly (readonly [string, Buffer, RefusalCode])[] = [
    ['expired, extended by anybody', sign([BEGIN, expires(YEAR)], expires(0)), 'signature-expired'],
    ['of the future, dated back by anybody', sign([future], BEGIN), 'signature-in-future'],
    ['dated by anybody', sign([], BEGIN), 'malformed'],
  ];
  for (const [what, signature, code] of cases) assertBad(await ask(signsItself, signature), code, what);
  const old = primaryOf(alice, { ...by(alice, signs, keyExpires(YEAR)), unhashed: [keyExpires(0)] });
  assertBad(await ask(old, signed(alice)), 'key-expired', 'a key that anybody extended');
  const early = makePart('2026-02-01T00:00:00Z');
  const said = { hashed: [future, issuer(early), signs] };
  for (const time of ['2020-01-01T00:00:00Z', '2026-02-01T00:00:00Z']) {
    const verdict = await ask(primaryOf(early, said), signed(early, { hashed: [created(time), issuer(early)] }));
    assert.equal(verdict.outcome, 'bad', `a key that is not there yet, ${time}`);
  }
});

test('verifyDetached() refuses what a signature wants understood and nobody here understands', async () => {
  for (const [what, said] of [
    ['a subpacket', unknown(true)],
    ['a notation', notation('a@example.com', true)],
  ] as const)
    assertBad(await ask(signsItself, signed(alice, by(alice, said))), 'unsupported', what);
  for (const said of [unknown(false), notation('a@example.com', false)])
    assertGood(await ask(signsItself, signed(alice, by(alice, said))), alice.fingerprint, 'not critical');
});

test('verifyDetached() takes nobody for the signer because the signature says so', async () => {
  const hashed = [BEGIN, issuer(mallory)];
  const cases: readonly (readonly [string, Said])[] = [
    ['where it is signed', { hashed: [BEGIN, issuer(alice)] }],
    ['beside its own name', { hashed, unhashed: [issuer(alice)] }],
    ['where it is not', { hashed: [BEGIN], unhashed: [issuer(alice)] }],
  ];
  for (const [what, said] of cases) assertBad(await ask(signsItself, signed(mallory, said)), 'wrong-signature', what);
});

test('verifyDetached() takes no good signature of a stranger for a bad one of a trusted key, in any order', async () => {
  const bad = signContent(alice, Buffer.from('something else'), by(alice));
  const [others, own] = [signed(mallory), signed(alice)];
  for (const parts of [
    [bad, others],
    [others, bad],
    [others, bad, others],
  ])
    assertBad(await ask(signsItself, Buffer.concat(parts)), 'wrong-signature', `${parts.length} signatures`);
  assertBad(await ask(signsItself, others), 'unknown-key', 'the stranger alone');
  assertGood(await ask(signsItself, Buffer.concat([others, bad, own])), alice.fingerprint, 'the third');
});
