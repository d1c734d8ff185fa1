// SPDX-License-Identifier: Apache-2.0
// What the process that decides about images is fed: questions, and behind them the ACIs that signatures are over.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, test } from 'node:test';
import { sourceOf } from '@rkt/layers';
import { parseDigest } from '@rkt/names';
import { imageNameOf, type Question } from '@rkt/policy';
import { Keyring } from '@rkt/pod-fixtures';
import { answerAll, printAsking } from '../src/asking.ts';

const ring = new Keyring();
after(() => ring[Symbol.dispose]());
const USER = 'Alice <alice@example.com>';
const fingerprint = ring.make(USER, { at: '20240101T000000' });
const NOW = Date.UTC(2026, 5, 1);
const digestOf = (bytes: Uint8Array) => parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);

/** A question about an ACI, which a key may have signed; without the key nobody is trusted. */
function about(aci: Buffer, { isTrusted = true, nowMs = NOW } = {}): Question {
  const [digest, signature] = [digestOf(aci), ring.signDetached(USER, aci, '20250101T000000')];
  const found = { kind: 'detached' as const, subject: digest, blob: digestOf(signature), bytes: signature };
  const key = { kind: 'pgp' as const, source: '/key', fingerprint, bytes: ring.publicKey(USER) };
  const requirement = { source: '/keys', authorities: [key], pinned: [], identity: { type: 'prefix' as const } };
  return {
    image: 'example.com/app',
    id: digest,
    name: imageNameOf({ kind: 'oci', path: '/x', tag: undefined }, undefined),
    nameIsOurs: true,
    evidence: {
      subject: { kind: 'aci', digest, size: aci.byteLength },
      documents: [],
      signatures: [{ ...found, annotations: {} }],
      problems: [],
    },
    rules: {
      from: 'trust store',
      requirements: [isTrusted ? { kind: 'signed', ...requirement } : { kind: 'reject', source: '/default' }],
      path: '/keys',
      scope: 'root.d',
      masked: [],
      allowInsecure: true,
      sha256: '0'.repeat(64),
    },
    verifier: { version: '1', uid: 0, host: 'h' },
    nowMs,
  };
}

/** Answers what is fed in pieces of odd sizes; returns the outcomes, and how much of the input was left. */
async function answer(...parts: readonly Buffer[]) {
  const bytes = Buffer.concat(parts);
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += 997) yield bytes.subarray(at, at + 997);
  }
  const input = sourceOf(pieces());
  const decisions = await answerAll(input);
  return { outcomes: decisions.map(({ outcome }) => outcome), left: bytes.length - input.position(), decisions };
}

const [one, two] = [Buffer.alloc(70_001, 'one'), Buffer.alloc(130_003, 'two')];

test('answerAll() reads each ACI behind the questions, in their order, and none that nobody could have signed', async () => {
  const questions = [about(one), about(Buffer.from('not fed'), { isTrusted: false }), about(two)];
  const { outcomes, left } = await answer(printAsking(questions), one, two);
  assert.deepEqual([outcomes, left], [['accepted', 'rejected', 'accepted'], 0]);
});

test('answerAll() takes no ACI for another, nor a part of one for the whole', async () => {
  const { outcomes } = await answer(printAsking([about(one), about(two)]), two, one);
  assert.deepEqual(outcomes, ['rejected', 'rejected']);
  const cut = await answer(printAsking([about(one)]), one.subarray(0, -1));
  assert.deepEqual(cut.outcomes, ['rejected']);
  assert.match(cut.decisions[0]?.reasons.join() ?? '', /it does not fit the content/);
});

test('answerAll() leaves nothing of an ACI that it did not read to the next', async () => {
  // With a clock as wrong as this nothing is looked at.
  const { outcomes, left } = await answer(printAsking([about(one, { nowMs: 0 }), about(two)]), one, two);
  assert.deepEqual([outcomes, left], [['rejected', 'accepted'], 0]);
});

test('answerAll() refuses questions that are cut short', async () => {
  for (const part of [Buffer.from('1'), printAsking([about(one)]).subarray(0, -1), Buffer.from('x'.repeat(40))]) {
    await assert.rejects(answer(part), { status: 65, message: /they are cut short/ });
  }
});
