// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import * as openpgp from 'openpgp';
import { issuersOfDetached, verifyDetached, type RefusalCode, type Verdict } from '../src/index.ts';
import { makeKeyring } from './gpg.ts';
import { assertBad, assertGood, trusted, verifyFile, whole } from './pgp-fixtures.ts';

const ring = makeKeyring();
after(() => ring[Symbol.dispose]());

const alice = 'Alice <alice@example.com>';
const fingerprint = ring.make(alice, 'ed25519', { at: '20200101T000000' });
const aliceKey = ring.publicKey(alice);
const content = randomBytes(100_000);
const now = new Date();

interface Asked {
  readonly key?: Uint8Array;
  readonly outdated?: boolean;
  readonly content?: Uint8Array;
  readonly at?: Date;
}

async function ask(signature: Uint8Array, asked: Asked = {}): Promise<Verdict> {
  const keys = await trusted(asked.key ?? aliceKey, asked.outdated);
  const question = { signature, keys, now: asked.at ?? now };
  return (await verifyFile(whole(asked.content ?? content), question)).verdict;
}

test('verifyDetached() accepts what gpg signs, as gpgv does', async () => {
  for (const [algorithm, hash] of [
    ['rsa2048', 'SHA256'],
    ['rsa3072', 'SHA512'],
    ['nistp256', 'SHA256'],
    ['nistp384', 'SHA384'],
    ['ed25519', 'SHA512'],
  ] as const)
    for (const options of [['--armor'], ['--digest-algo', hash]]) {
      const user = `${algorithm} ${options.join()}`;
      const made = ring.make(user, algorithm);
      const key = ring.publicKey(user);
      const signature = ring.sign(user, content, { options });
      assert.ok(ring.gpgv(key, signature, content), user);
      assertGood(await ask(signature, { key }), made, user);
    }
});

test('verifyDetached() says who signed, when by whose word, and until when that holds', async () => {
  const user = 'Short <s@example.com>';
  const made = ring.make(user, 'ed25519', { at: '20200101T000000', expire: '20300101T000000' });
  const signature = ring.sign(user, content, { at: '20210101T000000' });
  const verdict = await ask(signature, { key: ring.publicKey(user) });
  assertGood(verdict, made, user);
  assert.deepEqual(verdict.signer, { kind: 'pgp', fingerprint: made, keyId: made.slice(-16), userIds: [user] });
  assert.deepEqual(verdict.signedAt, { time: new Date('2021-01-01T00:00:00Z'), source: 'claimed' });
  assert.deepEqual(verdict.notAfter, new Date('2030-01-01T00:00:00Z'));
  assert.ok(Object.values(verdict.claims).every((claim) => claim === undefined));
});

test('verifyDetached() sums up all bytes in the same pass, whatever the verdict', async () => {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    const buffer = Buffer.alloc(1000);
    // One buffer for all pieces, as a reader of files has.
    for (let at = 0; at < content.length; at += 1000) yield buffer.fill(content.subarray(at, at + 1000));
  }
  const good = ring.sign(alice, content);
  for (const [signature, outcome] of [
    [good, 'good'],
    [Buffer.from('none'), 'bad'],
  ] as const) {
    const answer = await verifyFile(pieces(), { signature, keys: await trusted(aliceKey), now });
    assert.equal(answer.verdict.outcome, outcome);
    assert.equal(answer.sizeBytes, content.length);
    assert.equal(answer.sha256, `sha256:${createHash('sha256').update(content).digest('hex')}`);
    assert.equal(answer.sha512, `sha512:${createHash('sha512').update(content).digest('hex')}`);
  }
});

test('verifyDetached() throws what the content throws, and never a verdict for a part', async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield content.subarray(0, 50_000);
    throw new Error('the disk is gone');
  }
  for (const signature of [
    ring.sign(alice, content),
    ring.sign(alice, content.subarray(0, 50_000)),
    Buffer.from('x'),
  ]) {
    const question = { signature, keys: await trusted(aliceKey), now };
    await assert.rejects(verifyFile(broken(), question), { message: 'the disk is gone' });
  }
});

test('verifyDetached() lets no program end well whose content never ends', async () => {
  const program = `
    import { parsePgpKeys, verifyDetached } from '@rkt/signatures';
    const [key, signature] = process.argv.slice(1).map((text) => Buffer.from(text, 'base64'));
    async function* content() {
      yield Buffer.from('a part');
      await new Promise(() => {});
    }
    const keys = (await parsePgpKeys(key, 'key')).map((key) => ({ key }));
    const { verdicts: [verdict] } = await verifyDetached(content(), { signatures: [signature], keys, now: new Date() });
    process.exitCode = verdict.outcome === 'good' ? 0 : 1;`;
  const options = [
    '--conditions=source',
    '--disable-warning=ExperimentalWarning',
    '--input-type=module',
    '--eval',
    program,
  ];
  const inputs = [aliceKey, ring.sign(alice, Buffer.from('a part'))].map((bytes) => bytes.toString('base64'));
  const { status } = spawnSync(process.execPath, [...options, ...inputs], { cwd: import.meta.dirname });
  // What Node ends with when nothing is left to wait for.
  assert.equal(status, 13);
});

test('verifyDetached() accepts a signing subkey and names the primary key', async () => {
  const user = 'Sub <sub@example.com>';
  const made = ring.make(user, 'ed25519');
  ring.gpg(['--quick-add-key', made, 'ed25519', 'sign']);
  const verdict = await ask(ring.sign(user, content), { key: ring.publicKey(user) });
  assertGood(verdict, made, user);
  assert.notEqual(verdict.signer.kind === 'pgp' && verdict.signer.keyId, made.slice(-16));
});

test('verifyDetached() accepts keys of version 6', async () => {
  const config = { v6Keys: true };
  const { privateKey } = await openpgp.generateKey({ userIDs: { name: 'Six' }, format: 'object', config });
  const message = await openpgp.createMessage({ binary: content });
  const signature = await openpgp.sign({ message, signingKeys: privateKey, detached: true, format: 'binary', config });
  const verdict = await ask(signature, { key: privateKey.toPublic().write(), at: new Date(Date.now() + 2000) });
  assertGood(verdict, privateKey.getFingerprint(), 'version 6');
  assert.equal(privateKey.getFingerprint().length, 64);
});

test('verifyDetached() needs one good signature of several, whatever the others are', async () => {
  ring.make('Bob', 'ed25519');
  const [good, other] = [ring.sign(alice, content), ring.sign('Bob', content)];
  const wrong = ring.sign(alice, Buffer.from('something else'));
  for (const signature of [
    [good, other],
    [other, good],
    [wrong, good],
    [good, wrong],
  ])
    assertGood(await ask(Buffer.concat(signature)), fingerprint, 'one of two');
  assertBad(await ask(Buffer.concat([other, wrong])), 'wrong-signature', 'none of two');
  assertBad(await ask(Buffer.concat(Array.from({ length: 17 }, () => good))), 'malformed', 'seventeen');
});

test('verifyDetached() reads the content once for several files, and no file harms another', async () => {
  let passes = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    passes += 1;
    yield content;
  }
  const [good, wrong] = [ring.sign(alice, content), ring.sign(alice, Buffer.from('something else'))];
  const files = [Buffer.from('junk'), wrong, good, Buffer.alloc(70_000, 0x88), Buffer.from(''), good];
  const question = { keys: await trusted(aliceKey), now };
  const { verdicts } = await verifyDetached(counted(), { signatures: files, ...question });
  const codes = verdicts.map((verdict) => (verdict.outcome === 'bad' ? verdict.code : verdict.outcome));
  assert.deepEqual(codes, ['malformed', 'wrong-signature', 'good', 'malformed', 'unsigned', 'good']);
  assert.equal(passes, 1);
  // Each signature has to hash all of the content: whoever sends many of them costs no more than four.
  const many = await verifyDetached(whole(content), {
    signatures: [...Array.from({ length: 4 }, () => wrong), good],
    ...question,
  });
  assert.ok(many.verdicts.every(({ outcome }) => outcome === 'bad'));
  assertBad(many.verdicts[4] ?? assert.fail(), 'malformed', 'the fifth');
});

test('verifyDetached() refuses another content, as gpgv does', async () => {
  const signature = ring.sign(alice, content);
  const changed = Buffer.from(content);
  changed.writeUInt8((changed[77_777] ?? 0) ^ 1, 77_777);
  for (const other of [
    changed,
    content.subarray(1),
    content.subarray(0, -1),
    Buffer.concat([content, Buffer.alloc(1)]),
    Buffer.alloc(0),
  ]) {
    assertBad(await ask(signature, { content: other }), 'wrong-signature', `${other.length} bytes`);
    assert.equal(ring.gpgv(aliceKey, signature, other), false);
  }
});

test('verifyDetached() refuses the keys of others, and no keys at all, naming who signed', async () => {
  const made = ring.make('Mallory', 'ed25519');
  const signature = ring.sign('Mallory', content);
  assertBad(await ask(signature), 'unknown-key', 'Mallory');
  const { verdict } = await verifyFile(whole(content), { signature, keys: [], now });
  assertBad(verdict, 'nobody-trusted', 'no keys');
  assert.deepEqual(verdict.outcome === 'bad' && verdict.signer, {
    kind: 'pgp',
    fingerprint: made,
    keyId: made.slice(-16),
    userIds: [],
  });
  assert.deepEqual(await issuersOfDetached(signature), [verdict.outcome === 'bad' && verdict.signer]);
});

test('verifyDetached() takes no key that shares only the key ID', async () => {
  const signature = ring.sign(alice, content);
  const [one] = await trusted(aliceKey);
  const twin = {
    key: { ...(one ?? assert.fail()).key, fingerprint: `ffffffffffffffffffffffff${fingerprint.slice(-16)}` },
  };
  const { verdict } = await verifyFile(whole(content), { signature, keys: [twin], now });
  assertBad(verdict, 'unknown-key', 'a twin');
});

/** The packet with one octet of its body changed: 0 the version, 1 the type. */
function withOctet(signature: Buffer, index: number, value: number): Buffer {
  const changed = Buffer.from(signature);
  // gpg writes signatures of elliptic curves with a header of two octets.
  assert.equal(changed[0], 0x88);
  changed.writeUInt8(value, 2 + index);
  return changed;
}

/** A compressed packet that holds these packets. */
function compressed(packets: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from([1]), deflateRawSync(packets)]);
  const head = Buffer.from([0xc8, 0xff, 0, 0, 0, 0]);
  head.writeUInt32BE(body.length, 2);
  return Buffer.concat([head, body]);
}

test('verifyDetached() refuses what is no detached signature over binary content', async () => {
  const good = ring.sign(alice, content);
  const armored = ring.sign(alice, content, { options: ['--armor'] }).toString();
  const local = ['--local-user', `=${alice}`, '--output', '-'];
  const nested = compressed(ring.gpg([...local, '--sign'], { input: content }));
  const cases: readonly (readonly [string, Uint8Array | string, RefusalCode])[] = [
    ['nothing', '', 'unsigned'],
    ['spaces', ' \n\n', 'malformed'],
    ['text', 'this is no signature\n', 'malformed'],
    ['an empty block', '-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n', 'malformed'],
    ['two blocks', armored + armored, 'malformed'],
    ['a tail', `${armored}tail\n`, 'malformed'],
    ['a zero behind', `${armored}\0`, 'malformed'],
    ['a form feed behind', `${armored}\f`, 'malformed'],
    ['a form feed in the place of the empty line', armored.replace('\n\n', '\n\f\n'), 'malformed'],
    ['a form feed in it', armored.replace(/\n\n(.+)\n/, '\n\n$1\f\n'), 'malformed'],
    ['a zero in it', armored.replace(/\n\n(.+)\n/, '\n\n\0$1\n'), 'malformed'],
    ['an escaped dash', armored.replaceAll('-----BEGIN', '- -----BEGIN'), 'malformed'],
    ['an escaped dash at the end', armored.replaceAll('-----END', '- -----END'), 'malformed'],
    ['text before the block', `hello\n${armored}`, 'malformed'],
    ['no end', armored.replace(/-----END.*/, ''), 'malformed'],
    ['another label', armored.replaceAll('SIGNATURE', 'MESSAGE'), 'malformed'],
    ['a binary tail', Buffer.concat([good, Buffer.alloc(3)]), 'malformed'],
    ['half of it', good.subarray(0, good.length / 2), 'malformed'],
    ['a text signature', ring.sign(alice, content, { options: ['--textmode'] }), 'unsupported'],
    ['a standalone signature', withOctet(good, 1, 0x02), 'unsupported'],
    ['a timestamp signature', withOctet(good, 1, 0x40), 'unsupported'],
    ['a signature of version 3', withOctet(good, 0, 3), 'unsupported'],
    ['a signed message', ring.gpg([...local, '--sign'], { input: content }), 'malformed'],
    ['a clear-signed text', ring.gpg([...local, '--clearsign'], { input: 'text' }), 'malformed'],
    ['a signed message in one layer more', nested, 'malformed'],
    ['a signature in a layer of compression', compressed(good), 'malformed'],
    ['an unsigned literal', ring.gpg(['--store', '--output', '-'], { input: content }), 'malformed'],
    ['a key', aliceKey, 'malformed'],
    ['something large', Buffer.alloc(70_000, 0x88), 'malformed'],
  ];
  for (const [what, signature, code] of cases) {
    assertBad(await ask(Buffer.from(signature)), code, what);
    assert.equal(
      'outcome' in (await issuersOfDetached(Buffer.from(signature))),
      !/signature$|version 3/.test(what),
      what,
    );
  }
});

test('verifyDetached() goes by the signature and not by the checksum of its armor', async () => {
  const armored = ring.sign(alice, content, { options: ['--armor'] }).toString();
  const cases = [
    armored.replace(/\n=.*/, '\n=AAAA'),
    armored.replace(/\n=.*/, ''),
    armored.replaceAll('\n', ' \t\r\n'),
  ];
  for (const text of cases) {
    assertGood(await ask(Buffer.from(text)), fingerprint, text);
    assertBad(await ask(Buffer.from(text), { content: Buffer.from('other') }), 'wrong-signature', text);
  }
});

test('verifyDetached() refuses weak hashes and weak keys', async () => {
  assertBad(await ask(ring.sign(alice, content, { options: ['--digest-algo', 'SHA1'] })), 'weak', 'SHA-1');
  for (const [algorithm, options] of [
    ['rsa2048', ['--digest-algo', 'SHA1']],
    ['rsa2048', ['--digest-algo', 'SHA224']],
    ['rsa2048', ['--digest-algo', 'RIPEMD160']],
    ['rsa2048', ['--digest-algo', 'MD5']],
    ['rsa1024', []],
    ['dsa2048', ['--digest-algo', 'SHA256']],
  ] as const) {
    const user = `weak ${algorithm} ${options.at(-1) ?? 'usual'}`;
    ring.make(user, algorithm);
    assertBad(await ask(ring.sign(user, content, { options }), { key: ring.publicKey(user) }), 'weak', user);
  }
});

test('verifyDetached() refuses signatures outside of their time, give or take five minutes of the future', async () => {
  const options = ['--default-sig-expire', '30d'];
  const expired = ring.sign(alice, content, { at: '20200301T000000', options });
  assertBad(await ask(expired), 'signature-expired', 'expired');
  assertGood(await ask(expired, { at: new Date('2020-03-30T23:59:59Z') }), fingerprint, 'not yet expired');
  assertBad(await ask(expired, { at: new Date('2020-03-31T00:00:00Z') }), 'signature-expired', 'just expired');
  const future = ring.sign(alice, content, { at: '20500101T000000' });
  assertBad(await ask(future), 'signature-in-future', 'future');
  assertGood(
    await ask(future, { at: new Date('2049-12-31T23:55:00Z') }),
    fingerprint,
    'the clock of the signer is ahead',
  );
  assertBad(await ask(future, { at: new Date('2049-12-31T23:54:59Z') }), 'signature-in-future', 'too far ahead');
});

test('verifyDetached() refuses a key that has expired since, unless the key is accepted as outdated', async () => {
  const user = 'Old <old@example.com>';
  const made = ring.make(user, 'ed25519', { at: '20200101T000000', expire: '1y' });
  const key = ring.publicKey(user);
  // What somebody makes today who stole the key looks just the same.
  const signature = ring.sign(user, content, { at: '20200601T000000' });
  assertBad(await ask(signature, { key }), 'key-expired', 'expired now');
  assertGood(await ask(signature, { key, at: new Date('2020-07-01') }), made, 'at its time');
  const relaxed = await ask(signature, { key, outdated: true });
  assertGood(relaxed, made, 'accepted');
  assert.equal(relaxed.notAfter, undefined);
});

test('verifyDetached() refuses a signature made before its key or after its end, even of an outdated key', async () => {
  const user = 'Late';
  ring.make(user, 'ed25519', { at: '20200101T000000', expire: 'never' });
  const late = ring.sign(user, content, { at: '20220101T000000' });
  ring.gpg(
    [
      '--quick-set-expire',
      ring
        .gpg(['--with-colons', '--list-keys', `=${user}`])
        .toString()
        .match(/^fpr:+([0-9A-F]+)/m)?.[1] ?? '',
      '20210101T000000',
    ],
    { at: '20200102T000000' },
  );
  assertBad(await ask(late, { key: ring.publicKey(user), outdated: true }), 'key-expired', 'after the end');
  const young = ring.make('Young', 'ed25519');
  const early = ring.sign('Young', content, { at: '20200101T000000', options: ['--ignore-time-conflict'] });
  assertBad(await ask(early, { key: ring.publicKey('Young'), outdated: true }), 'key-unusable', `before ${young}`);
});

test('verifyDetached() refuses revoked keys; superseded ones are accepted as outdated, others never', async () => {
  for (const [reason, code] of [
    [0, 'key-revoked'],
    [1, 'key-revoked'],
    [2, undefined],
    [3, undefined],
  ] as const) {
    const user = `Revoked ${reason}`;
    const made = ring.make(user, 'ed25519', { at: '20200101T000000' });
    const signature = ring.sign(user, content, { at: '20200601T000000' });
    ring.revoke(user, reason, { at: '20210101T000000' });
    const key = ring.publicKey(user);
    assertBad(await ask(signature, { key }), 'key-revoked', user);
    const relaxed = await ask(signature, { key, outdated: true });
    if (code === undefined) assertGood(relaxed, made, user);
    else assertBad(relaxed, code, user);
  }
});

test('verifyDetached() refuses an expired subkey and a key that may not sign', async () => {
  const user = 'Parts';
  const made = ring.make(user, 'ed25519', { at: '20200101T000000' });
  ring.gpg(['--quick-add-key', made, 'ed25519', 'sign', '1y'], { at: '20200101T000000' });
  const signature = ring.sign(user, content, { at: '20200601T000000' });
  assertBad(await ask(signature, { key: ring.publicKey(user) }), 'key-expired', 'subkey');
  ring.gpg(['--quick-generate-key', 'Certifies', 'ed25519', 'cert', 'never']);
  const [certifies] = await trusted(ring.publicKey('Certifies'));
  assert.equal(certifies?.key.problem, 'its key may not sign');
});
