// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseDigest } from '@rkt/names';
import { verifySimpleSigning, type RefusalCode, type Verdict } from '../src/index.ts';
import { makeKeyring } from './gpg.ts';
import { assertBad, assertGood, trusted } from './pgp-fixtures.ts';

const ring = makeKeyring();
after(() => ring[Symbol.dispose]());

const user = 'Signer <signer@example.com>';
const fingerprint = ring.make(user, 'ed25519', { at: '20200101T000000' });
const manifest = Buffer.from(
  JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', layers: [] }),
);
const digest = parseDigest(`sha256:${createHash('sha256').update(manifest).digest('hex')}`);
const other = parseDigest(`sha256:${'0'.repeat(64)}`);
const reference = 'registry.example.com/ns/app:1.2';

function payload(critical: object = {}, optional: unknown = {}): string {
  const usual = {
    type: 'atomic container signature',
    image: { 'docker-manifest-digest': digest },
    identity: { 'docker-reference': reference },
  };
  return JSON.stringify({ critical: { ...usual, ...critical }, optional });
}

const sign = (text: string | Uint8Array, ...options: string[]): Buffer =>
  ring.gpg(['--local-user', `=${user}`, ...options, '--sign', '--output', '-'], { input: text });

const ask = async (blob: Uint8Array, about = digest, key = ring.publicKey(user)): Promise<Verdict> =>
  verifySimpleSigning(blob, { digest: about, keys: await trusted(key), now: new Date() });

test('verifySimpleSigning() accepts what skopeo signs', async () => {
  const [path, output] = [join(ring.home, 'manifest.json'), join(ring.home, 'signature')];
  writeFileSync(path, manifest);
  execFileSync('skopeo', ['standalone-sign', '--output', output, path, reference, fingerprint], {
    env: { ...process.env, GNUPGHOME: ring.home },
    stdio: 'pipe',
  });
  const blob = readFileSync(output);
  const verdict = await ask(blob);
  assertGood(verdict, fingerprint, 'skopeo');
  assert.equal(verdict.claims.digest, digest);
  assert.equal(verdict.claims.reference, reference);
  assert.equal(verdict.signedAt?.source, 'claimed');
  assertBad(await ask(blob, other), 'wrong-digest', 'another image');
});

test('skopeo accepts what gpg signs as we do', async () => {
  const blob = sign(payload());
  assertGood(await ask(blob), fingerprint, 'gpg');
  const [path, signature] = [join(ring.home, 'manifest.json'), join(ring.home, 'signature')];
  writeFileSync(path, manifest);
  writeFileSync(signature, blob);
  execFileSync('skopeo', ['standalone-verify', path, reference, fingerprint.toUpperCase(), signature], {
    env: { ...process.env, GNUPGHOME: ring.home },
    stdio: 'pipe',
  });
});

test('verifySimpleSigning() accepts messages packed in other ways, and what the signer adds in "optional"', async () => {
  const optional = { creator: 'rkt test', timestamp: 1_600_000_000, more: [{}] };
  for (const options of [
    ['--compress-algo', 'none'],
    ['--compress-algo', 'zip'],
    ['--compress-algo', 'zlib'],
  ])
    assertGood(await ask(sign(payload({}, optional), ...options)), fingerprint, options.join());
});

test('verifySimpleSigning() refuses payloads that are not exactly of the format', async () => {
  const cases: readonly (readonly [string, string, RefusalCode])[] = [
    ['no JSON', 'hello', 'malformed'],
    ['nothing', '', 'malformed'],
    ['a list', '[]', 'malformed'],
    ['no optional', payload().replace(/,"optional":{}/, ''), 'malformed'],
    ['null for optional', payload({}, null), 'malformed'],
    ['an unknown member', payload().replace(/}$/, ',"more":1}'), 'malformed'],
    ['an unknown critical member', payload({ notAfter: 1 }), 'malformed'],
    ['an unknown member of image', payload({ image: { 'docker-manifest-digest': digest, more: 1 } }), 'malformed'],
    ['an unknown member of identity', payload({ identity: { 'docker-reference': reference, more: 1 } }), 'malformed'],
    ['no identity', payload({ identity: undefined }), 'malformed'],
    ['no text as digest', payload({ image: { 'docker-manifest-digest': [digest] } }), 'malformed'],
    ['the digest twice', payload().replace(/("docker-manifest-digest"):/, `$1:"${other}",$1:`), 'malformed'],
    ['critical twice', payload().replace(/}$/, ',"critical":{}}'), 'malformed'],
    ['a prototype', payload().replace('"optional":{', '"optional":{"__proto__":1'), 'malformed'],
    ['a creator of another type', payload({}, { creator: 1 }), 'malformed'],
    ['a broken timestamp', payload({}, { timestamp: 1.5 }), 'malformed'],
    ['a byte order mark', `\ufeff${payload()}`, 'malformed'],
    ['another type', payload({ type: 'cosign container image signature' }), 'wrong-type'],
    ['another digest', payload({ image: { 'docker-manifest-digest': other } }), 'wrong-digest'],
    [
      'another algorithm',
      payload({ image: { 'docker-manifest-digest': digest.replace('256', '512') } }),
      'wrong-digest',
    ],
    ['upper case', payload({ image: { 'docker-manifest-digest': digest.toUpperCase() } }), 'wrong-digest'],
  ];
  for (const [what, text, code] of cases) assertBad(await ask(sign(text)), code, what);
});

test('verifySimpleSigning() refuses what is not one signed message by a trusted key', async () => {
  ring.make('Mallory', 'ed25519');
  const text = payload();
  const inner = sign(text);
  const local = ['--local-user', `=${user}`, '--output', '-'];
  const cases: readonly (readonly [string, Uint8Array, RefusalCode])[] = [
    ['nothing', Buffer.alloc(0), 'unsigned'],
    ['the payload alone', Buffer.from(text), 'malformed'],
    ['an unsigned literal', ring.gpg(['--store', '-o', '-'], { input: text }), 'unsigned'],
    ['a detached signature', ring.sign(user, Buffer.from(text)), 'malformed'],
    ['a clear-signed text', ring.gpg([...local, '--clearsign'], { input: text }), 'malformed'],
    ['armor', sign(text, '--armor'), 'malformed'],
    ['two signatures', sign(text, '--local-user', '=Mallory'), 'malformed'],
    ['a second message', Buffer.concat([inner, inner]), 'malformed'],
    ['a tail', Buffer.concat([inner, Buffer.from('tail')]), 'malformed'],
    ['a text signature', sign(text, '--textmode'), 'unsupported'],
    ['SHA-1', sign(text, '--digest-algo', 'SHA1'), 'weak'],
    ['somebody else', ring.gpg(['--local-user', '=Mallory', '--sign', '-o', '-'], { input: text }), 'unknown-key'],
    ['bzip2', sign(text, '--compress-algo', 'bzip2'), 'unsupported'],
    ['half of it', inner.subarray(0, inner.length / 2), 'malformed'],
    ['something large', Buffer.alloc(257 * 1024), 'malformed'],
  ];
  for (const [what, blob, code] of cases) assertBad(await ask(blob), code, what);
  const { outcome } = await verifySimpleSigning(inner, { digest, keys: [], now: new Date() });
  assert.equal(outcome, 'bad');
});

test('verifySimpleSigning() refuses a good signature that has expired, or that unpacks to more than it may', async () => {
  const options = ['--default-sig-expire', '1d', '--faked-system-time', '20200201T000000'];
  assertBad(await ask(sign(payload(), ...options)), 'signature-expired', 'expired');
  const bomb = sign(Buffer.alloc(64 * 1024 * 1024), '--compress-algo', 'zlib', '--compress-level', '9');
  assert.ok(bomb.length < 256 * 1024);
  const verdict = await ask(bomb);
  assertBad(verdict, 'malformed', 'a bomb');
  assert.match(verdict.outcome === 'bad' ? verdict.reason : '', /cannot be unpacked/);
});
