// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decode, describeReturn, ProfileError, run, simulate, type Instruction } from '../src/index.ts';

const call = { arch: 0xc000003e, nr: 1, args: [0x1122334455667788n, 2n], instructionPointer: 0xaabbccdd00112233n };
const op = (code: number, k = 0, [jt, jf]: [number, number] = [0, 0]): Instruction => ({ code, jt, jf, k });
const RET_A = op(0x16);

test('simulate() loads each word of struct seccomp_data', () => {
  const words = [1, 0xc000003e, 0x00112233, 0xaabbccdd, 0x55667788, 0x11223344, 2, 0];
  for (const [at, word] of words.entries()) assert.equal(simulate([op(0x20, 4 * at), RET_A], call), word);
});

test('simulate() computes in unsigned words of 32 bits', () => {
  const cases: [number, number, number, number][] = [
    [0x04, 0xffffffff, 2, 1],
    [0x14, 0, 1, 0xffffffff],
    [0x24, 0x80000001, 3, 0x80000003],
    [0x34, 0xffffffff, 2, 0x7fffffff],
    [0x44, 0x80000000, 1, 0x80000001],
    [0x54, 0xfffffff0, 0xff, 0xf0],
    [0x64, 0xff, 28, 0xf0000000],
    [0x74, 0x80000000, 31, 1],
    [0x84, 1, 0, 0xffffffff],
    [0xa4, 0xff, 0x80000000, 0x800000ff],
  ];
  for (const [code, a, k, wanted] of cases) {
    assert.equal(simulate([op(0x00, a), op(code, k), RET_A], call), wanted, `0x${code.toString(16)} k`);
    assert.equal(simulate([op(0x01, k), op(0x00, a), op(code | 8), RET_A], call), wanted, `0x${code.toString(16)} x`);
  }
});

test('simulate() jumps on unsigned comparisons', () => {
  const cases: [number, number, number, boolean][] = [
    [0x15, 5, 5, true],
    [0x15, 5, 6, false],
    [0x25, 0xffffffff, 1, true],
    [0x25, 5, 5, false],
    [0x35, 5, 5, true],
    [0x35, 1, 0x80000000, false],
    [0x45, 6, 2, true],
    [0x45, 0x80000000, 0x80000000, true],
    [0x45, 4, 2, false],
  ];
  for (const [code, a, k, taken] of cases) {
    const tail = [op(0x06, 0), op(0x06, 1)];
    assert.equal(simulate([op(0x00, a), op(code, k, [1, 0]), ...tail], call), Number(taken));
    assert.equal(simulate([op(0x01, k), op(0x00, a), op(code | 8, 0, [1, 0]), ...tail], call), Number(taken));
  }
  assert.equal(simulate([op(0x05, 1), op(0x06, 0), op(0x06, 1)], call), 1);
});

test('simulate() moves words between registers and memory', () => {
  assert.equal(simulate([op(0x00, 7), op(0x02, 15), op(0x00, 0), op(0x60, 15), RET_A], call), 7);
  assert.equal(simulate([op(0x01, 7), op(0x03, 0), op(0x61, 0), op(0x87), RET_A], call), 7);
  assert.equal(simulate([op(0x00, 7), op(0x07), op(0x00, 0), op(0x87), RET_A], call), 7);
  assert.equal(simulate([op(0x80), RET_A], call), 64);
  assert.equal(simulate([op(0x81), op(0x87), RET_A], call), 64);
});

test('run() counts instructions and notices looks at arguments', () => {
  assert.deepEqual(run([op(0x20, 4), op(0x06, 3)], call), { value: 3, steps: 2, readsArguments: false });
  assert.equal(run([op(0x20, 8), op(0x06, 3)], call).readsArguments, true);
});

test('run() refuses what the kernel would refuse', () => {
  const programs = [
    [],
    [op(0x20, 0)],
    [op(0x05, 5), op(0x06)],
    [op(0x20, 2), op(0x06)],
    [op(0x20, 64), op(0x06)],
    [op(0x28, 0), op(0x06)],
    [op(0x21, 0), op(0x06)],
    [op(0x34, 0), op(0x06)],
    [op(0x94, 1), op(0x06)],
    [op(0x02, 16), op(0x06)],
    [op(0x75, 0), op(0x06)],
    [op(0x17), op(0x06)],
    [op(0x0e)],
    Array.from({ length: 4097 }, () => op(0x06)),
  ];
  for (const program of programs) assert.throws(() => run(program, call), ProfileError);
});

test('run() ends with a value or a ProfileError, whatever the filter', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 160 }), (bytes) => {
      try {
        const { value } = run(decode(bytes.subarray(0, bytes.length - (bytes.length % 8))), call);
        assert.ok(value >= 0 && value <= 0xffffffff);
      } catch (error) {
        assert.ok(error instanceof ProfileError);
      }
    }),
    { numRuns: 2000 },
  );
});

test('describeReturn() names actions and their data', () => {
  assert.equal(describeReturn(0x7fff0000), 'ALLOW');
  assert.equal(describeReturn(0x00050026), 'ERRNO(38)');
  assert.equal(describeReturn(0x00050000), 'ERRNO(0)');
  assert.equal(describeReturn(0x80000000), 'KILL_PROCESS');
  assert.equal(describeReturn(0), 'KILL_THREAD');
  assert.equal(describeReturn(0x12340000), '0x12340000');
});
