// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import * as openpgp from 'openpgp';
import { parsePgpKeys } from '../src/index.ts';
import { makeKeyring } from './gpg.ts';

const ring = makeKeyring();
after(() => ring[Symbol.dispose]());

const what = 'key "x.asc"';
const alice = ring.make('Alice <alice@example.com>', 'ed25519', { at: '20200101T000000', expire: '20300101T000000' });
const bob = ring.make('Bob <bob@example.com>', 'rsa2048', { at: '20200101T000000' });
const both = ring.gpg(['--export']);
const armored = (user: string) => ring.publicKey(user, '--armor').toString();
const pair = armored('Alice <alice@example.com>') + armored('Bob <bob@example.com>');

test('parsePgpKeys() describes a key', async () => {
  ring.gpg(['--quick-add-key', alice, 'rsa3072', 'sign', 'never'], { at: '20200102T000000' });
  ring.gpg(['--quick-add-uid', alice, 'Alice Ä <a@example.com>'], { at: '20200102T000000' });
  const [key, ...more] = await parsePgpKeys(ring.publicKey('Alice <alice@example.com>', '--armor'), what);
  assert.equal(more.length, 0);
  const { bytes, subkeys, userIds, ...rest } = key ?? assert.fail();
  assert.deepEqual(rest, {
    kind: 'pgp',
    version: 4,
    fingerprint: alice,
    keyId: alice.slice(-16),
    created: new Date('2020-01-01T00:00:00Z'),
    expires: new Date('2030-01-01T00:00:00Z'),
    revoked: false,
    algorithm: 'Ed25519',
    bits: 255,
    problem: undefined,
  });
  assert.deepEqual(userIds.toSorted(), ['Alice <alice@example.com>', 'Alice Ä <a@example.com>']);
  assert.deepEqual(
    subkeys.map(({ algorithm, bits, fingerprint }) => [algorithm, bits, fingerprint.length]),
    [['RSA', 3072, 40]],
  );
  assert.deepEqual(await parsePgpKeys(bytes, what), [key]);
});

test('parsePgpKeys() describes keys of version 6 by their longer fingerprint', async () => {
  const { privateKey } = await openpgp.generateKey({
    userIDs: { name: 'Six' },
    format: 'object',
    config: { v6Keys: true },
  });
  const [key] = await parsePgpKeys(Buffer.from(privateKey.toPublic().armor()), what);
  assert.equal(key?.version, 6);
  assert.equal(key.fingerprint, privateKey.getFingerprint());
  assert.equal(key.fingerprint.length, 64);
  assert.equal(key.keyId, key.fingerprint.slice(0, 16));
  assert.equal(key.algorithm, 'Ed25519');
});

test('parsePgpKeys() finds every key of a file, in one block, in several, or binary', async () => {
  const block = ring.gpg(['--armor', '--export']);
  for (const file of [both, block, Buffer.from(pair), Buffer.from(pair.replaceAll('\n', '\r\n'))])
    assert.deepEqual(
      (await parsePgpKeys(file, what)).map(({ fingerprint }) => fingerprint),
      [alice, bob],
    );
});

test('parsePgpKeys() says of a key why it can vouch for nothing', async () => {
  const cases = [
    ['rsa1024', 'its key is too weak'],
    ['dsa1024', 'its key is too weak'],
    ['secp256k1', 'it is of a kind that is not supported'],
  ] as const;
  for (const [algorithm, problem] of cases) {
    ring.make(`Weak ${algorithm}`, algorithm);
    const [key] = await parsePgpKeys(ring.publicKey(`Weak ${algorithm}`), what);
    assert.equal(key?.problem, problem, algorithm);
  }
  ring.make('Revoked', 'ed25519', { at: '20200101T000000' });
  ring.revoke('Revoked', 2, { at: '20210101T000000' });
  const [revoked] = await parsePgpKeys(ring.publicKey('Revoked'), what);
  assert.equal(revoked?.revoked, true);
  assert.equal(revoked.problem, 'its key is revoked');
});

test('parsePgpKeys() leaves out user IDs that the key has not signed', async () => {
  const key = await openpgp.readKey({ binaryKey: ring.publicKey('Bob <bob@example.com>') });
  const packets = key.toPacketList();
  const forged = openpgp.UserIDPacket.fromObject({ name: 'President', email: 'president@example.com' });
  packets.push(forged);
  const [described] = await parsePgpKeys(packets.write(), what);
  assert.deepEqual(described?.userIds, ['Bob <bob@example.com>']);
});

test('parsePgpKeys() refuses what it would have to skip', async () => {
  const secret = ring.gpg(['--export-secret-keys', '--armor', bob]);
  const good = ring.publicKey('Bob <bob@example.com>');
  const old = Buffer.from(both);
  // The version of the first key, behind a header of two octets: a key that no reader knows any more.
  old.writeUInt8(3, 2);
  const cases: readonly (readonly [string, Uint8Array | string, RegExp])[] = [
    ['nothing', '', /it holds no key/],
    ['text', 'hello', /neither ASCII armor nor OpenPGP/],
    ['a secret key', secret, /block "PGP PRIVATE KEY BLOCK": wanted "PGP PUBLIC KEY BLOCK"/],
    ['a binary secret key', ring.gpg(['--export-secret-keys', bob]), /it holds a secret key/],
    [
      'text between blocks',
      pair.replace('-----END PGP PUBLIC KEY BLOCK-----\n', '$&text\n'),
      /outside of the ASCII armor/,
    ],
    ['a second block without an end', pair.slice(0, -40), /does not end/],
    ['a signature first', Buffer.concat([ring.sign('Bob <bob@example.com>', good), good]), /does not begin with a key/],
    [
      'a message behind',
      Buffer.concat([good, ring.gpg(['--store', '-o', '-'], { input: 'x' })]),
      /definite length|packet of type/,
    ],
    ['a cut key', good.subarray(0, -1), /ends too early/],
    ['a tail', Buffer.concat([good, Buffer.alloc(1)]), /neither ASCII armor nor OpenPGP/],
    ['one key of an unknown version', old, /cannot be read/],
    ['too much', Buffer.alloc(257 * 1024), /larger than 262144 bytes/],
    ['too many', Buffer.concat(Array.from({ length: 65 }, () => good)), /more than 64 keys/],
  ];
  for (const [name, file, message] of cases)
    await assert.rejects(parsePgpKeys(Buffer.from(file), what), { status: 65, message }, name);
});
