// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { EXIT, Failure } from '@rkt/exit';
import { libraryFile } from '@rkt/files';
import { printPlan } from '@rkt/plan';
import { TemporaryDirectory } from '@rkt/pod-fixtures';
import { askNobody, readerPlan, type Asked } from '../src/index.ts';

/** Asks the program that decides about images, which wants the length of the question before it. */
const ask = (dir: string, question: string, options: Partial<Asked> = {}) =>
  askNobody(dir, {
    program: 'decide-images.js',
    what: 'decides',
    cannot: 'cannot decide',
    question: Buffer.from(`${String(question.length).padStart(12, '0')}\n${question}`),
    answerBytesMax: 1024,
    heapMiB: 64,
    ...options,
  });

const refusedAs = (status: number, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Failure);
  assert.equal(error.status, status);
  assert.match(error.message, message);
  return true;
};

test('askNobody() returns the answer, and leaves nothing behind', async () => {
  using dir = new TemporaryDirectory();
  const answer = await ask(dir.path, '{"questions":[]}\n');
  assert.match(answer.toString(), /"decisions": \[\]/);
  const left = process.geteuid?.() === 0 ? readdirSync(join(dir.path, 'pods', 'embryo')) : readdirSync(dir.path);
  assert.deepEqual(left, []);
});

test('askNobody() says what the process says, with its status, and takes no more than it wants', async () => {
  using dir = new TemporaryDirectory();
  await assert.rejects(
    ask(dir.path, 'no JSON\n'),
    refusedAs(EXIT.dataRefused, /^cannot decide: cannot read questions: it is not JSON$/),
  );
  await assert.rejects(
    ask(dir.path, '{"questions":[]}\n', { answerBytesMax: 4 }),
    refusedAs(EXIT.system, /^cannot decide: the answer has more than 4 bytes$/),
  );
});

test('askNobody() fails as what it hands over does, and waits no longer than it should', async () => {
  using dir = new TemporaryDirectory();
  const broken = { bytes: 1, feed: () => Promise.reject(new Failure(EXIT.notFound, 'no such blob')) };
  await assert.rejects(ask(dir.path, '{}', { more: broken }), refusedAs(EXIT.notFound, /^no such blob$/));
  const endless = { bytes: 1, feed: () => new Promise<void>(() => undefined) };
  await assert.rejects(
    ask(dir.path, '{"questions":[]}\n', { more: endless, timeMaxMs: 50 }),
    refusedAs(EXIT.system, /^cannot decide: it takes too long$/),
  );
});

const root = { skip: process.geteuid?.() !== 0 && 'needs root' };

/** Has a shell script start stage1, `$0`, with the plan of a reader, `$1`, of one second; returns what it prints. */
function startReader(dir: string, program: readonly string[], script: string): string {
  const plan = join(dir, 'plan');
  writeFileSync(plan, printPlan(readerPlan(program, { what: 'reads nothing', timeMs: 1000 })), { mode: 0o600 });
  return spawnSync('sh', ['-c', script, libraryFile('stage1'), plan], { encoding: 'utf8' }).stdout;
}

test('a reader does not outlive whoever started it', root, async () => {
  using dir = new TemporaryDirectory();
  const pid = startReader(dir.path, ['/bin/sleep', '60'], '"$0" "$1" >/dev/null 2>&1 & sleep 0.5; echo $!').trim();
  for (let round = 0; round < 100 && isSleeping(pid); round += 1) await setTimeout(20);
  assert.ok(!isSleeping(pid));
});

function isSleeping(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('/bin/sleep');
  } catch {
    return false;
  }
}

test('a reader that computes for ever is ended by its limit', root, () => {
  using dir = new TemporaryDirectory();
  const said = startReader(dir.path, ['/bin/sh', '-c', 'while :; do :; done'], '"$0" "$1"; echo $?');
  // 128 and SIGXCPU or SIGKILL: at a hard limit the kernel sends the second.
  assert.match(said, /^(152|137)\n$/);
});

test('readerPlan() gives up users, groups, capabilities and networks before it becomes the program', () => {
  const ops = readerPlan(['/bin/true', 'x'], { what: 'does nothing', timeMs: 1500 }).map(({ op }) => op);
  const last = ops.indexOf('exec');
  assert.equal(last, ops.length - 1);
  for (const op of ['unshare', 'setgroups', 'setresgid', 'setresuid', 'capbset', 'capset', 'prctl'] as const)
    assert.ok(ops.indexOf(op) >= 0 && ops.indexOf(op) < last, op);
});
