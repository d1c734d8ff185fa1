// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readClaimed, type Wrapping } from '../src/index.ts';
import { digestOf, envelopeOf, pairOf, statementOf } from './sigstore-fixtures.ts';

const digest = digestOf(Buffer.from('manifest'));
const payload = statementOf(digest, 'https://example.com/type');
const { content } = envelopeOf(payload, pairOf());
const WRAPPED: Readonly<Record<Wrapping, Buffer>> = {
  none: Buffer.from(payload),
  envelope: Buffer.from(JSON.stringify(content['dsseEnvelope'])),
  bundle: Buffer.from(JSON.stringify(content)),
};
const wrapping = fc.constantFrom<Wrapping>('none', 'envelope', 'bundle');

test('readClaimed() reads a statement as it is, in an envelope and in a bundle', () => {
  for (const kind of ['none', 'envelope', 'bundle'] as const) {
    assert.deepEqual(readClaimed(WRAPPED[kind], kind), {
      outcome: 'claimed',
      predicateType: 'https://example.com/type',
      predicate: {},
      subjects: [digest],
    });
  }
});

test('readClaimed() says of a bundle without an envelope that it is no attestation, and refuses other payloads', () => {
  const reasonOf = (value: object, kind: Wrapping) => {
    const read = readClaimed(Buffer.from(JSON.stringify(value)), kind);
    return read.outcome === 'unreadable' ? read.reason : assert.fail();
  };
  assert.equal(reasonOf({ messageSignature: {} }, 'bundle'), 'it is a signature, no attestation');
  assert.match(
    reasonOf({ dsseEnvelope: { payload: '', payloadType: 'text/plain' } }, 'bundle'),
    /no in-toto statement/,
  );
  assert.match(reasonOf({ payloadType: 'application/vnd.in-toto+json', payload: [] }, 'envelope'), /has no payload/);
  assert.match(reasonOf({ _type: '\u001b[2J' }, 'none'), /^it signs "[\x20-\x7e]+": wanted an in-toto statement$/);
});

/** An outcome, and a reason that is one printable line; never an exception. */
function assertHarmless(bytes: Uint8Array, kind: Wrapping): void {
  const read = readClaimed(bytes, kind);
  if (read.outcome === 'unreadable') assert.match(read.reason, /^[^\p{Cc}\u202a-\u202e\u2066-\u2069]+$/u);
}

test('readClaimed() throws nothing, whatever is changed in what it reads', () => {
  fc.assert(
    fc.property(wrapping, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 4 }), (kind, at, bytes) => {
      const changed = Buffer.from(WRAPPED[kind]);
      changed.set(bytes.subarray(0, 1), at % changed.byteLength);
      assertHarmless(Buffer.concat([changed.subarray(0, at % changed.byteLength), bytes, changed]), kind);
      assertHarmless(changed, kind);
    }),
    { numRuns: 1000 },
  );
});

test('readClaimed() throws nothing, whatever JSON it reads', () => {
  const statement = fc.record(
    {
      _type: fc.constantFrom('https://in-toto.io/Statement/v1', 'x'),
      predicateType: fc.oneof(fc.string(), fc.jsonValue()),
      subject: fc.oneof(fc.jsonValue(), fc.array(fc.record({ digest: fc.record({ sha256: fc.jsonValue() }) }))),
      predicate: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  const envelope = fc.record(
    {
      payload: fc.oneof(
        statement.map((value) => Buffer.from(JSON.stringify(value)).toString('base64')),
        fc.jsonValue(),
      ),
    },
    { requiredKeys: [] },
  );
  const document = fc.oneof(
    statement,
    envelope.map((value) => ({ ...value, payloadType: 'application/vnd.in-toto+json' })),
    envelope.map((value) => ({ dsseEnvelope: { ...value, payloadType: 'application/vnd.in-toto+json' } })),
    fc.jsonValue(),
  );
  fc.assert(
    fc.property(document, wrapping, (value, kind) => {
      assertHarmless(Buffer.from(JSON.stringify(value)), kind);
    }),
  );
});
