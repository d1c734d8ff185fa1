// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Failure } from '@rkt/exit';
import { limits, parsePlan, parsePlanLines, printPlan } from '../src/index.ts';
import { anyOp } from './arbitrary.ts';
import { mutate, mutations } from './mutate.ts';

const refused = { name: 'Failure', status: 65, message: /^cannot parse plan "p": / };

test('parsePlan() names the plan, the line and what is wanted', () => {
  assert.throws(() => parsePlan('# x\n\nmkdir /a\\040b 755\n', 'some plan'), {
    message: 'cannot parse plan "some plan": line 3: mkdir: mode is "755": wanted four octal digits',
  });
  assert.throws(() => parsePlan('unlink \\303\n', 'p'), {
    message: 'cannot parse plan "p": line 1: malformed escape in "\\303"',
  });
  assert.throws(() => parsePlan('ünlink a\n', 'a\nb'), {
    message: String.raw`cannot parse plan "a\012b": line 1: unknown operation "\303\274nlink"`,
  });
});

test('parsePlan() refuses malformed text', () => {
  const wrong = [
    'setsid',
    ' setsid\n',
    'setsid \n',
    'unlink  a\n',
    'unlink\ta\n',
    'setsid\r\n',
    '\r\n',
    ' \n',
    '# a\tb\n',
    '# \u007f\n',
    '\ufeffsetsid\n',
    'SETSID\n',
    '"" a\n',
    'unlink a\0\n',
    'constructor\n',
    'toString\n',
    '__proto__\n',
    'op\n',
    String.raw`unlink \04`,
    'unlink \\04\n',
    'unlink \\049\n',
    'unlink \\400\n',
    'unlink \\000\n',
    'unlink \\x20\n',
    'unlink a\\\n',
    'unlink \\303a\n',
    'unlink \\355\\240\\200\n',
    'unlink \\300\\200\n',
    'unlink \\303ü\n',
    'unlink \ud800\n',
  ];
  for (const text of wrong) assert.throws(() => parsePlan(text, 'p'), refused, JSON.stringify(text));
  for (const byte of [0x80, 0xc0, 0xf5, 0xff]) {
    assert.throws(() => parsePlan(Buffer.from([0x23, byte, 0x0a]), 'p'), refused);
  }
});

test('parsePlan() refuses missing, surplus and wrong arguments', () => {
  const wrong = [
    'setsid a',
    'unlink',
    'unlink ""',
    'unlink a b',
    'mkdir a',
    'exec',
    'close',
    'close ""',
    'close 64',
    'close -1',
    'close +1',
    'close 01',
    'close 1.0',
    'close 0x1',
    'close AT_FDCWD',
    'close -',
    'dup3 1 2',
    'umask 755',
    'umask 00755',
    'umask 0758',
    'umask 0',
    'setresuid 0 0 4294967295',
    'setgroups ""',
    'setgroups 1 a',
    'close_range 3 4294967296 0',
    'setrlimit RLIMIT_AS 0 18446744073709551616',
    'setrlimit RLIMIT_AS 0 -1',
    'setrlimit RLIMIT_ASS 0 0',
    'setrlimit RLIMIT_AS|RLIMIT_CORE 0 0',
    'setrlimit 0 0 0',
    'unshare CLONE_NEWNS|CLONE_NEWNS',
    'unshare CLONE_NEWNS|',
    'unshare |CLONE_NEWNS',
    'unshare CLONE_NEWNS|0',
    'unshare ""',
    'unshare 00',
    'unshare MS_BIND',
    'unshare clone_newns',
    'seccomp 0 a/b',
    'seccomp 0 ..',
    'seccomp 0 ""',
    `seccomp 0 ${'a'.repeat(256)}`,
    `unlink ${'a'.repeat(4096)}`,
    'clone 0 - - "" -',
    'clone 0 - - 0:0:0 -',
    'clone 0 - - 0:0 -',
    'clone 0 - - 0:0:1:1 -',
    'clone 0 - - 0:0:1, -',
    'clone 0 - - ,0:0:1 -',
    'clone 0 - - 0:0:4294967296 -',
    'clone 0 - - 4294967295:0:1 -',
    'clone 0 - - 0:00:1 -',
    'clone 0 - - 0::1 -',
    `clone 0 - - ${Array.from({ length: 341 }, () => '0:0:1').join(',')} -`,
  ];
  for (const line of wrong) assert.throws(() => parsePlan(`${line}\n`, 'p'), refused, line);
});

test('parsePlan() accepts every form that the language has', () => {
  const right = [
    'exec ""',
    'setgroups',
    'setgroups 0 4294967294',
    'umask 0000',
    'unshare 0',
    'close 0',
    'setrlimit RLIMIT_AS 0 18446744073709551615',
    `unlink ${'a'.repeat(4095)}`,
    `seccomp 0 ${'a'.repeat(255)}`,
    'seccomp 0 ...',
    'move_mount 3 AT_FDCWD ""',
    'mount_setattr 3 0 0 0 0 -',
    `clone 0 - - ${Array.from({ length: 340 }, () => '0:0:1').join(',')} 4294967294:4294967294:4294967295`,
    'exec """ "" "a',
  ];
  for (const line of right) assert.equal(parsePlan(`${line}\n`, 'p').length, 1, line);
  assert.deepEqual(parsePlan('', 'p'), []);
  assert.deepEqual(parsePlan('\n#\n#\\\n', 'p'), []);
});

test('parsePlan() takes escapes of every byte, in every word', () => {
  assert.deepEqual(parsePlan('\\165nlink \\303\\244\\042\\042\n', 'p'), [{ op: 'unlink', path: 'ä""' }]);
  assert.deepEqual(parsePlan('close \\061\n', 'p'), [{ op: 'close', fd: 1 }]);
  assert.deepEqual(parsePlan('exec \\357\\273\\277\n', 'p'), [{ op: 'exec', file: '\ufeff', argv: [] }]);
});

test('parsePlan() enforces the limits, each to the byte', () => {
  const at = {
    line: `#${'a'.repeat(limits.lineBytes - 1)}\n`,
    words: `exec${' a'.repeat(limits.words - 1)}\n`,
    operations: 'setsid\n'.repeat(limits.operations),
    bytes: '\n'.repeat(limits.planBytes),
  };
  const above = {
    line: `#${'a'.repeat(limits.lineBytes - 2)}ä\n`,
    words: `exec${' a'.repeat(limits.words)}\n`,
    operations: `${at.operations}setsid\n`,
    bytes: `${at.bytes}\n`,
  };
  for (const text of Object.values(at)) assert.ok(parsePlan(text, 'p'));
  for (const text of Object.values(above)) {
    assert.throws(() => parsePlan(text, 'p'), refused);
    assert.throws(() => parsePlan(Buffer.from(text), 'p'), refused);
  }
  assert.ok(parsePlan(`${at.operations}# and a comment\n`, 'p'));
});

test('parsePlanLines() keeps comments and blank lines', () => {
  assert.deepEqual(parsePlanLines('# a\n\n#b\n#  c \n#\nsetsid\n', 'p'), [
    { op: '#', text: 'a' },
    { op: '#', text: '' },
    { op: '#', text: 'b' },
    { op: '#', text: ' c ' },
    { op: '#', text: '' },
    { op: 'setsid' },
  ]);
});

test('parsePlan() accepts or refuses mutated plans, never throws anything else, and what it accepts prints canonically', () => {
  fc.assert(
    fc.property(fc.array(anyOp, { minLength: 1, maxLength: 4 }), mutations, (ops, changes) => {
      const bytes = mutate(Buffer.from(printPlan(ops)), changes);
      try {
        const parsed = parsePlan(bytes, 'p');
        assert.deepEqual(parsePlan(printPlan(parsed), 'p'), parsed);
      } catch (error) {
        assert.ok(error instanceof Failure, String(error));
        assert.match(error.message, /^[\u0020-\u007e]*$/);
      }
    }),
    { numRuns: 2000 },
  );
});
