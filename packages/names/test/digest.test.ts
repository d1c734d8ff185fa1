// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hexOf, isDigest, parseDigest, printable } from '@rkt/names';

const HEX = 'a1'.repeat(32);

test('parseDigest() takes 64 lower-case hex digits', () => {
  assert.equal(hexOf(parseDigest(`sha256:${HEX}`)), HEX);
});

test('parseDigest() refuses everything that could become a path', () => {
  const hostile = [
    HEX,
    `sha256:${HEX.toUpperCase()}`,
    `sha1:${HEX}`,
    `sha256:${HEX}0`,
    `sha256:${HEX}\n`,
    'sha256:../../x',
  ];
  for (const text of hostile) assert.throws(() => parseDigest(text), /cannot parse digest/, text);
});

test('isDigest() is true for nothing but digests', () => {
  fc.assert(fc.property(fc.string(), (text) => !isDigest(text)));
});

test('printable() leaves no byte that moves a cursor or forges a line', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.doesNotMatch(printable(text), /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
      assert.ok(printable(text).isWellFormed());
    }),
  );
  assert.equal(printable('\u001b]52;\u202e'), '\\u001b]52;\\u202e');
});
