// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXIT, Failure } from '@rkt/exit';
import { TemporaryDirectory } from '@rkt/pod-fixtures';
import { askNobody, escaped, readerPlan } from '../src/index.ts';

const ask = (dir: string, question: string, answerBytesMax = 1024) =>
  askNobody(dir, {
    program: 'decide-images.js',
    what: 'decides',
    cannot: 'cannot decide',
    question: Buffer.from(question),
    answerBytesMax,
    heapMiB: 64,
  });

test('askNobody() returns the answer, and leaves nothing behind', () => {
  using dir = new TemporaryDirectory();
  const answer = ask(dir.path, '{"questions":[]}\n');
  assert.match(answer.toString(), /"decisions": \[\]/);
  const left = process.geteuid?.() === 0 ? readdirSync(join(dir.path, 'pods', 'embryo')) : readdirSync(dir.path);
  assert.deepEqual(left, []);
});

test('askNobody() says what the process says, with its status, and takes no more than it wants', () => {
  using dir = new TemporaryDirectory();
  assert.throws(
    () => ask(dir.path, 'no JSON\n'),
    (error) => {
      assert.ok(error instanceof Failure);
      assert.deepEqual(
        [error.status, error.message],
        [EXIT.dataRefused, 'cannot decide: cannot read questions: it is not JSON'],
      );
      return true;
    },
  );
  assert.throws(() => ask(dir.path, '{"questions":[]}\n', 4), /cannot decide: .*ENOBUFS/);
});

test('readerPlan() gives up users, groups, capabilities and networks before it becomes the program', () => {
  const ops = readerPlan(['/bin/true', 'x'], 'does nothing').map(({ op }) => op);
  const last = ops.indexOf('exec');
  assert.equal(last, ops.length - 1);
  for (const op of ['unshare', 'setgroups', 'setresgid', 'setresuid', 'capbset', 'capset', 'prctl'] as const)
    assert.ok(ops.indexOf(op) >= 0 && ops.indexOf(op) < last, op);
});

test('escaped() keeps long messages, and nothing that a terminal obeys', () => {
  const text = escaped(`${'x'.repeat(300)}\u001b[2J`);
  assert.ok(text.startsWith('x'.repeat(300)));
  assert.doesNotMatch(text, /\u001b/);
});
