// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compile, decode, defaultProfile, disassemble } from '../src/index.ts';
import { scratch } from './programs-of-c.ts';

const root = join(import.meta.dirname, '..');
const profile = join(root, 'profiles/default.json');

function runProgram(name: string, args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, `bin/${name}.ts`), ...args], { input });
  return { status, stdout, stderr: String(stderr) };
}

test('seccomp-compile writes the filter of a file to standard output', () => {
  const { status, stdout, stderr } = runProgram('seccomp-compile', ['--arch', 'x86_64', profile]);
  assert.deepEqual([status, stderr], [0, '']);
  assert.deepEqual(decode(stdout), compile(defaultProfile(), { arch: 'x86_64' }));
});

test('seccomp-compile reads standard input and prints a listing with --text', () => {
  const text = readFileSync(profile, 'utf8');
  const { status, stdout } = runProgram('seccomp-compile', ['--arch=aarch64', '--text', '-'], text);
  assert.equal(status, 0);
  assert.equal(String(stdout), disassemble(compile(defaultProfile(), { arch: 'aarch64' })));
});

test('seccomp-compile --output writes a whole file and leaves nothing else', (t) => {
  const directory = scratch(t);
  const path = join(directory, 'filter');
  writeFileSync(path, 'old');
  const { status, stdout } = runProgram('seccomp-compile', ['-o', path, '--arch', 'x86_64', profile]);
  assert.deepEqual([status, String(stdout)], [0, '']);
  assert.deepEqual(decode(readFileSync(path)), compile(defaultProfile(), { arch: 'x86_64' }));
  assert.deepEqual(readdirSync(directory), ['filter']);
});

test('seccomp-compile names what it skipped, on one line that a profile cannot break', () => {
  const text = JSON.stringify({
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [{ names: ['read', 'nosuch', 'x\n\u001b[2J'], action: 'SCMP_ACT_LOG' }],
  });
  const { status, stderr } = runProgram('seccomp-compile', ['--arch', 'x86_64'], text);
  assert.equal(status, 0);
  assert.equal(stderr, 'seccomp-compile: skipped names that are no system call of x86_64: nosuch "x\\n\\u001b[2J"\n');
});

test('seccomp-disassemble prints what seccomp-compile wrote', (t) => {
  const path = join(scratch(t), 'filter');
  assert.equal(runProgram('seccomp-compile', ['--arch', 'x86_64', '-o', path, profile]).status, 0);
  const { status, stdout } = runProgram('seccomp-disassemble', [path]);
  assert.equal(status, 0);
  assert.equal(String(stdout), disassemble(compile(defaultProfile(), { arch: 'x86_64' })));
});

test('the programs exit 64 for usage, 65 for bad data, 66 for a missing file, 71 for a failed system call', (t) => {
  const directory = scratch(t);
  const cases: [string, string[], string, number, RegExp][] = [
    [
      'seccomp-compile',
      ['--nosuch'],
      '',
      64,
      /^seccomp-compile: cannot read the options: Unknown option '--nosuch'\n$/,
    ],
    ['seccomp-compile', ['--arch', 'vax'], '', 64, /^seccomp-compile: cannot compile for "vax": expected --arch/],
    ['seccomp-compile', ['a', 'b'], '', 64, /^seccomp-compile: cannot compile "b": expected at most one profile\n$/],
    [
      'seccomp-compile',
      [],
      '{"defaultAction":"X"}',
      65,
      /^seccomp-compile: cannot read "defaultAction": unknown action "X"\n$/,
    ],
    ['seccomp-compile', [], '{', 65, /^seccomp-compile: cannot read "the profile": it is not JSON: [^\n]*\n$/],
    [
      'seccomp-compile',
      [join(directory, 'none')],
      '',
      66,
      /^seccomp-compile: cannot read ".*none": no such file or directory\n$/,
    ],
    [
      'seccomp-compile',
      ['-o', join(directory, 'no/f'), profile],
      '',
      71,
      /^seccomp-compile: cannot write ".*": no such file/,
    ],
    ['seccomp-disassemble', ['-x'], '', 64, /^seccomp-disassemble: cannot read the options: Unknown option '-x'\n$/],
    [
      'seccomp-disassemble',
      ['a', 'b'],
      '',
      64,
      /^seccomp-disassemble: cannot disassemble "b": expected at most one filter\n$/,
    ],
    [
      'seccomp-disassemble',
      [],
      '1234567',
      65,
      /^seccomp-disassemble: cannot read "the filter": it has 7 bytes: expected/,
    ],
    [
      'seccomp-disassemble',
      [join(directory, 'none')],
      '',
      66,
      /^seccomp-disassemble: cannot read ".*none": no such file/,
    ],
    [
      'seccomp-disassemble',
      [directory],
      '',
      71,
      /^seccomp-disassemble: cannot read ".*": illegal operation on a directory\n$/,
    ],
  ];
  for (const [name, args, input, wanted, message] of cases) {
    const { status, stdout, stderr } = runProgram(name, args, input);
    assert.deepEqual([status, String(stdout)], [wanted, ''], stderr);
    assert.match(stderr, message);
  }
});

test('the programs print their usage with --help', () => {
  for (const name of ['seccomp-compile', 'seccomp-disassemble']) {
    const { status, stdout } = runProgram(name, ['--help']);
    assert.equal(status, 0);
    assert.match(String(stdout), new RegExp(`^Usage: ${name} `));
  }
});
