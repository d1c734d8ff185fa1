// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { compile, decode, defaultProfile, disassemble, readProfile } from '../src/index.ts';

for (const arch of ['x86_64', 'aarch64'] as const) {
  test(`disassemble() prints the listing of the default profile on ${arch}`, () => {
    // To renew it: seccomp-compile --arch ARCH --text profiles/default.json
    const golden = readFileSync(join(import.meta.dirname, `golden/default-${arch}.txt`), 'utf8');
    assert.equal(disassemble(compile(defaultProfile(), { arch })), golden);
  });
}

test('disassemble() says what is loaded, compared and returned', () => {
  const rule = (op: string, value: number, valueTwo = 0) => ({
    names: ['mmap'],
    action: 'SCMP_ACT_ERRNO',
    errnoRet: value,
    args: [{ index: 1, value, valueTwo, op }],
  });
  const profile = readProfile({
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [rule('SCMP_CMP_GE', 5), rule('SCMP_CMP_MASKED_EQ', 6, 2)],
  });
  const lines = disassemble(compile(profile, { arch: 'x86_64' })).split('\n');
  const has = (text: string) => lines.some((line) => line.slice(6).replaceAll(/ +/g, ' ').startsWith(text));
  assert.match(lines[0] ?? '', /^0000 {2}ld {4}\[4\] +# arch$/);
  assert.match(lines[1] ?? '', /^0001 {2}jeq {3}#0xc000003e, 0002, \d{4} +# x86_64$/);
  assert.match(lines[2] ?? '', /^0002 {2}ld {4}\[0\] +# nr$/);
  assert.ok(has('ld [28] # args[1], high'));
  assert.ok(has('ld [24] # args[1], low'));
  assert.ok(has('and #0x6'));
  assert.ok(lines.some((line) => /jeq {3}#0x2, \d{4}, \d{4} +# args\[1\], low, changed$/.test(line)));
  assert.ok(has('ret #0x50005 # ERRNO(5)'));
  assert.ok(has('ret #0x7fff0000 # ALLOW'));
  assert.ok(lines.some((line) => /jge {3}#0xa, \d{4}, \d{4} +# mprotect$/.test(line)));
});

test('disassemble() follows what is loaded over jumps, and says nothing where ways with different loads meet', () => {
  const op = (code: number, k = 0, [jt, jf]: [number, number] = [0, 0]) => ({ code, jt, jf, k });
  const listing = disassemble([
    op(0x20, 16),
    op(0x05, 1),
    op(0x06),
    op(0x15, 1, [0, 1]),
    op(0x20, 20),
    op(0x15, 2, [0, 0]),
    op(0x06),
  ]).split('\n');
  assert.match(listing[3] ?? '', /# args\[0\], low$/);
  assert.match(listing[5] ?? '', /0006, 0006$/);
});

test('disassemble() prints any operation, known or not, as one line each', () => {
  const op = (code: number, k = 0, [jt, jf]: [number, number] = [0, 0]) => ({ code, jt, jf, k });
  const cases: [ReturnType<typeof op>, string][] = [
    [op(0x00, 7), 'ld    #0x7'],
    [op(0x01, 7), 'ldx   #0x7'],
    [op(0x02, 3), 'st    M[3]'],
    [op(0x03, 3), 'stx   M[3]'],
    [op(0x05, 9), 'ja    0010'],
    [op(0x07), 'tax'],
    [op(0x16), 'ret   a'],
    [op(0x1d, 0, [1, 2]), 'jeq   x, 0002, 0003'],
    [op(0x45, 8, [0, 1]), 'jset  #0x8, 0001, 0002'],
    [op(0x60, 1), 'ld    M[1]'],
    [op(0x61, 1), 'ldx   M[1]'],
    [op(0x64, 4), 'lsh   #0x4'],
    [op(0x80), 'ld    #len'],
    [op(0x81), 'ldx   #len'],
    [op(0x84), 'neg'],
    [op(0x87), 'txa'],
    [op(0xac), 'xor   x'],
    [op(0x94, 1), '.word 0x94, 0, 0, 0x1'],
    [op(0x1234, 1), '.word 0x1234, 0, 0, 0x1'],
  ];
  for (const [instruction, text] of cases) {
    assert.equal(disassemble([instruction]).split('  # ')[0]?.slice(6).trimEnd(), text);
  }
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 400 }), (bytes) => {
      const program = decode(bytes.subarray(0, bytes.length - (bytes.length % 8)));
      assert.match(disassemble(program), new RegExp(`^(?:[ -~]+\\n){${program.length}}$`));
    }),
  );
});
