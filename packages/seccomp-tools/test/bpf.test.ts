// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compile, decode, defaultProfile, encode, ProfileError } from '../src/index.ts';

const instruction = fc.record(
  {
    code: fc.nat({ max: 0xffff }),
    jt: fc.nat({ max: 255 }),
    jf: fc.nat({ max: 255 }),
    k: fc.nat({ max: 0xffffffff }),
  },
  { noNullPrototype: true },
);

test('decode() reads what encode() wrote', () => {
  fc.assert(
    fc.property(fc.array(instruction, { minLength: 1, maxLength: 200 }), (program) => {
      assert.deepEqual(decode(encode(program)), program);
    }),
  );
});

test('encode() writes what decode() read', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 800 }), (bytes) => {
      const whole = bytes.subarray(0, bytes.length - (bytes.length % 8));
      assert.deepEqual(encode(decode(whole)), new Uint8Array(whole));
    }),
  );
});

test('encode() writes struct sock_filter, little endian', () => {
  assert.deepEqual(
    [...encode([{ code: 0x1234, jt: 5, jf: 6, k: 0x89abcdef }])],
    [0x34, 0x12, 5, 6, 0xef, 0xcd, 0xab, 0x89],
  );
});

test('decode() refuses what is no filter', () => {
  for (const length of [0, 7, 9, 8 * 4097]) assert.throws(() => decode(new Uint8Array(length)), ProfileError);
  assert.equal(decode(new Uint8Array(8 * 4096)).length, 4096);
});

test('decode() respects the bounds of a view into a larger buffer', () => {
  const program = compile(defaultProfile(), { arch: 'x86_64' });
  const bytes = encode(program);
  const larger = new Uint8Array(bytes.length + 16);
  larger.set(bytes, 8);
  assert.deepEqual(decode(larger.subarray(8, 8 + bytes.length)), program);
});
