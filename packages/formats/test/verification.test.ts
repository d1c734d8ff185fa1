// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import { isDigest, type Digest } from '@rkt/names';
import { parseVerification, printVerification, type Verification } from '../src/index.ts';

function digest(character: string): Digest {
  const text = `sha256:${character.repeat(64)}`;
  assert.ok(isDigest(text));
  return text;
}

const decision: Verification = {
  image: 'docker://example.com/a:1',
  id: digest('1'),
  subject: { kind: 'manifest', digest: digest('1'), size: 7, indexDigest: digest('2') },
  name: 'example.com/a:1',
  policy: { path: '/etc/rkt/trustedkeys', sha256: '3'.repeat(64), scope: 'prefix.d/example.com' },
  outcome: 'accepted',
  reasons: ['signed by key 4'],
  rules: ['/etc/rkt/trustedkeys/root.d/4'],
  signatures: [
    {
      kind: 'simple-signing',
      blob: digest('5'),
      subject: digest('2'),
      result: 'good',
      signer: { kind: 'pgp', fingerprint: '4', keyId: '4', userIds: ['A <a@example.com>'] },
      rule: '/etc/rkt/trustedkeys/root.d/4',
      signedAt: '2026-01-02T03:04:05.000Z',
      timeSource: 'claimed',
      reference: 'example.com/a:1',
    },
    { kind: 'bundle', blob: digest('6'), subject: digest('1'), result: 'bad', reason: 'unknown key' },
  ],
  insecureOptions: [],
  verifier: { version: '2.0.0', uid: 0, host: 'h' },
  verifiedAt: '2026-01-02T03:04:05.000Z',
  notAfter: '2027-01-02T03:04:05.000Z',
};

test('parseVerification() reads what printVerification() prints', () => {
  assert.deepEqual(parseVerification(printVerification([decision]), '/x'), { version: 2, decisions: [decision] });
  const { policy: _, notAfter: __, ...skipped } = decision;
  const list = [{ ...skipped, outcome: 'skipped' as const }];
  assert.deepEqual(parseVerification(printVerification(list), '/x').decisions, list);
});

test('parseVerification() refuses other versions, unknown keys, unknown outcomes and times that are none', () => {
  const texts = [
    '{"version":1,"decisions":[]}',
    '{"version":2,"decisions":[],"more":1}',
    printVerification([{ ...decision, more: 1 } as Verification]),
    printVerification([decision]).replace('"accepted"', '"maybe"'),
    printVerification([decision]).replace('"good"', '"fine"'),
    printVerification([{ ...decision, verifiedAt: 'yesterday' }]),
    'no JSON',
  ];
  for (const text of texts) assert.throws(() => parseVerification(text, '/x'), /^Failure: cannot read "\/x": /);
});
