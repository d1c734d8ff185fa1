// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import { parseSpkiKey } from '../src/spki-key.ts';

const pemOf = (key: KeyObject): Buffer => Buffer.from(key.export({ format: 'pem', type: 'spki' }));
const parse = (pem: string | Buffer) => parseSpkiKey(Buffer.from(pem), 'key "x.pub"');
const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

test('parseSpkiKey() describes the four kinds of keys, the fingerprint being that of the DER', () => {
  const kinds = [
    [publicKey, 'ECDSA P-256', 256],
    [generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey, 'ECDSA P-384', 384],
    [generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey, 'RSA', 2048],
    [generateKeyPairSync('ed25519').publicKey, 'Ed25519', 255],
  ] as const;
  for (const [key, algorithm, bits] of kinds) {
    const der = key.export({ format: 'der', type: 'spki' });
    const fingerprint = createHash('sha256').update(der).digest('hex');
    assert.deepEqual(parse(pemOf(key)), { kind: 'key', fingerprint, algorithm, bits, bytes: der });
  }
});

test('parseSpkiKey() refuses weak and other keys', () => {
  const refused = [
    [generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey, /RSA of 1024 bits is too weak: wanted 2048/],
    [generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey, /curve secp256k1: wanted P-256 or P-384/],
    [generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey, /it is a key for rsa-pss: wanted/],
    [generateKeyPairSync('x25519').publicKey, /it is a key for x25519: wanted/],
  ] as const;
  for (const [key, message] of refused) assert.throws(() => parse(pemOf(key)), { status: 65, message });
});

test('parseSpkiKey() refuses what is not one block', () => {
  const pem = pemOf(publicKey).toString();
  const tail = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  const wrapped = (body: string) => `-----BEGIN PUBLIC KEY-----\n${body}\n-----END PUBLIC KEY-----\n`;
  const refused = [
    ['', /wanted one PEM block/],
    [pem + pem, /wanted one PEM block/],
    [`garbage\n${pem}`, /wanted one PEM block/],
    [pem.replaceAll('PUBLIC KEY', 'RSA PUBLIC KEY'), /wanted one PEM block/],
    [wrapped('AAAA'), /no public key/],
    [
      wrapped(Buffer.concat([Buffer.from(tail, 'base64'), Buffer.from('tail')]).toString('base64')),
      /no public key|tail/,
    ],
    ['A'.repeat(65 * 1024), /larger than 65536 bytes/],
  ] as const;
  for (const [text, message] of refused) assert.throws(() => parse(text), { status: 65, message });
});
