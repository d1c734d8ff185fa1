// SPDX-License-Identifier: Apache-2.0
// What comes back from the process that parsed what strangers wrote: it may be anything.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EXIT, Failure } from '@rkt/exit';
import { pack } from '@rkt/policy';
import { parseAttachedAnswer } from '../src/attached/protocol.ts';

const finding = { subjects: [], subjectCount: 0, verified: true, signer: { kind: 'key', fingerprint: 'a' } };
const isRefusal = (error: unknown) => error instanceof Failure;

test('parseAttachedAnswer() takes an answer about as many things as were asked about', () => {
  const packed = pack({ findings: [finding, finding] }, 'x');
  assert.equal(parseAttachedAnswer(packed, 2).findings.length, 2);
  for (const count of [0, 1, 3]) {
    assert.throws(
      () => parseAttachedAnswer(packed, count),
      (error) => error instanceof Failure && error.status === EXIT.bug && error.message.includes('something else'),
    );
  }
});

test('parseAttachedAnswer() refuses members that it does not know, long texts, and what is no digest', () => {
  for (const change of [
    { trusted: true },
    { reason: 'x'.repeat(2049) },
    { subjects: ['sha256:x'] },
    { signer: { kind: 'root' } },
    { verified: 'yes' },
    { signedAt: 'yesterday' },
  ])
    assert.throws(() => parseAttachedAnswer(pack({ findings: [{ ...finding, ...change }] }, 'x'), 1), isRefusal);
  const opened = { index: 0, others: 0, document: 'text' };
  assert.throws(() => parseAttachedAnswer(pack({ findings: [finding], opened }, 'x'), 1), isRefusal);
});

test('parseAttachedAnswer() answers any bytes and any JSON with a refusal, and with nothing else', () => {
  const answers = fc.oneof(
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.jsonValue().map((value) => Buffer.from(`${JSON.stringify(value)}\n`)),
    fc.jsonValue().map((value) => Buffer.from(`${JSON.stringify({ findings: [value], opened: value })}\n`)),
  );
  fc.assert(fc.property(answers, (packed) => assert.throws(() => parseAttachedAnswer(packed, 1), isRefusal)));
});
