// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Failure } from '@rkt/exit';
import { limits, parsePlan, parsePlanLines, printOp, printPlan } from '../src/index.ts';
import { anyComment, anyOp, names, opNamed } from './arbitrary.ts';

test('printPlan() prints what parsePlan() reads back, for every operation', () => {
  for (const name of names) {
    fc.assert(
      fc.property(opNamed(name), (op) => assert.deepEqual(parsePlan(printPlan([op]), 'p'), [op])),
      { numRuns: 60 },
    );
  }
});

test('printPlan() prints plans with comments in a canonical form', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(anyOp, anyComment), { maxLength: 20 }), (lines) => {
      const text = printPlan(lines);
      assert.equal(printPlan(parsePlanLines(text, 'p')), text);
      assert.deepEqual(
        parsePlan(Buffer.from(text), 'p'),
        lines.filter(({ op }) => op !== '#'),
      );
    }),
    { numRuns: 300 },
  );
});

test('printPlan() prints only lines that need no terminal: no control byte but line feeds', () => {
  fc.assert(
    fc.property(fc.array(anyOp, { maxLength: 5 }), (ops) => {
      assert.doesNotMatch(printPlan(ops), /[\u0000-\u0009\u000b-\u001f\u007f]| $| {2}|^ /m);
    }),
    { numRuns: 300 },
  );
});

test('printOp() escapes spaces, control bytes, backslashes and empty words, and nothing else', () => {
  assert.equal(
    printOp({ op: 'exec', file: 'sh', argv: ['', '""', '"a"', 'ä b', 'a\\b\n\u007f#'] }),
    String.raw`exec sh "" \042\042 "a" ä\040b a\134b\012\177#`,
  );
  assert.equal(printOp({ op: 'mkdir', path: '/a', mode: 0o755 }), 'mkdir /a 0755');
  assert.equal(printOp({ op: 'setgroups', gids: [] }), 'setgroups');
  assert.equal(printOp({ op: 'setsid' }), 'setsid');
  assert.equal(printOp({ op: 'umount2', target: '/', flags: [] }), 'umount2 / 0');
  assert.equal(
    printOp({
      op: 'clone',
      flags: ['CLONE_NEWNS', 'CLONE_NEWPID'],
      cgroup_fd: null,
      status_fd: 5,
      uid_map: [
        { inside: 0, outside: 1000, count: 1 },
        { inside: 1, outside: 7, count: 2 },
      ],
      gid_map: [],
    }),
    'clone CLONE_NEWNS|CLONE_NEWPID - 5 0:1000:1,1:7:2 -',
  );
});

test('printOp() throws what is no Failure for values that no plan can hold', () => {
  const wrong = [
    () => printOp({ op: 'exec', file: 'a\0b', argv: [] }),
    () => printOp({ op: 'exec', file: 'sh', argv: ['\ud800'] }),
    () => printOp({ op: 'close', fd: 64 }),
    () => printOp({ op: 'close', fd: -1 }),
    () => printOp({ op: 'close', fd: 1.5 }),
    () => printOp({ op: 'close', fd: -0 }),
    () => printOp({ op: 'unlink', path: '' }),
    () => printOp({ op: 'unlink', path: 'ä'.repeat(2048) }),
    () => printOp({ op: 'seccomp', flags: [], filter: '../filter' }),
    () => printOp({ op: 'seccomp', flags: [], filter: '..' }),
    () => printOp({ op: 'umask', mode: 0o10000 }),
    () => printOp({ op: 'setgroups', gids: [0xffff_ffff] }),
    () => printOp({ op: 'setrlimit', resource: 'RLIMIT_AS', soft: -1n, hard: 0n }),
    () => printOp({ op: 'unshare', flags: ['CLONE_NEWNS', 'CLONE_NEWNS'] }),
    () => printPlan([{ op: '#', text: 'a\tb' }]),
  ];
  for (const call of wrong)
    assert.throws(call, (error) => error instanceof Error && !(error instanceof Failure), String(call));
  assert.equal(printOp({ op: 'unlink', path: 'a'.repeat(limits.pathBytes) }).length, 7 + limits.pathBytes);
});

function exec(argv: string[]): () => string {
  return () => printPlan([{ op: 'exec', file: 'sh', argv }]);
}

test('printPlan() refuses plans beyond the limits', () => {
  const refused = { name: 'Failure', status: 65, message: /^cannot print plan: / };
  assert.equal(exec(['a'.repeat(limits.lineBytes - 8)])().length, limits.lineBytes + 1);
  assert.throws(exec(['a'.repeat(limits.lineBytes - 7)]), refused);
  assert.ok(exec(Array.from({ length: limits.words - 2 }, () => 'a'))());
  assert.throws(exec(Array.from({ length: limits.words - 1 }, () => 'a')), refused);
  const many = Array.from({ length: limits.operations }, () => ({ op: 'setsid' }) as const);
  assert.ok(printPlan(many));
  assert.throws(() => printPlan([...many, { op: 'setsid' }]), refused);
  const long = Array.from({ length: 4 }, () => ({ op: '#', text: 'a'.repeat(limits.lineBytes - 3) }) as const);
  assert.equal(printPlan(long).length, limits.planBytes);
  assert.throws(() => printPlan([...long, ...long]), refused);
});

test('printPlan() prints each line of a comment, and a blank line for an empty one', () => {
  assert.equal(
    printPlan([{ op: '#', text: 'a\n\nb' }, { op: '#', text: '' }, { op: 'setsid' }]),
    '# a\n\n# b\n\nsetsid\n',
  );
});
