// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { appendFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Failure } from '@rkt/exit';
import { holdLock, makePod, TemporaryDirectory } from '@rkt/pod-fixtures';
import { hasEnded, isReady, look, parseWait, waitUntil } from '../src/wait.ts';

const is = (status: number) => (error: unknown) => error instanceof Failure && error.status === status;

test('parseWait() reads booleans and durations, negative ones as for ever', () => {
  assert.equal(parseWait(undefined, 'wait'), 0);
  assert.equal(parseWait('false', 'wait'), 0);
  assert.equal(parseWait('0', 'wait'), 0);
  assert.equal(parseWait('true', 'wait'), Infinity);
  assert.equal(parseWait('-1s', 'wait'), Infinity);
  assert.equal(parseWait('1.5s', 'wait'), 1500);
  assert.throws(() => parseWait('yes', 'wait'), is(64));
});

test('waitUntil() returns when the lock has been let go', async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run', status: 'started 1 2 1500000001.0\n' });
  const holder = await holdLock(pod.path);
  const waiting = waitUntil({ dir: dir.path, pod, isMet: hasEnded, what: 'ended', timeoutMs: Infinity });
  await holder[Symbol.asyncDispose]();
  await waiting;
  assert.equal(look(dir.path, pod).state, 'exited');
});

test('waitUntil() sees the line of the status file that makes the pod ready', async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run', status: 'started 1 2 1500000001.0\n' });
  await using holder = await holdLock(pod.path);
  assert.ok(holder.child.pid);
  assert.equal(isReady(look(dir.path, pod)), false);
  const waiting = waitUntil({ dir: dir.path, pod, isMet: isReady, what: 'become ready', timeoutMs: Infinity });
  appendFileSync(join(pod.path, 'status'), 'ready 1500000002.0\n');
  await waiting;
});

test('waitUntil() follows a pod through its phases', async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'prepared' });
  const waiting = waitUntil({ dir: dir.path, pod, isMet: hasEnded, what: 'ended', timeoutMs: Infinity });
  renameSync(pod.path, join(dir.path, 'pods', 'run', pod.uuid));
  await waiting;
  assert.equal(look(dir.path, pod).state, 'exited');
});

test('waitUntil() refuses with 1 when the time is over', async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'prepared' });
  await assert.rejects(waitUntil({ dir: dir.path, pod, isMet: hasEnded, what: 'ended', timeoutMs: 1 }), is(1));
});

test('waitUntil() refuses with 66 when the pod goes away', async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'prepared' });
  const waiting = waitUntil({ dir: dir.path, pod, isMet: hasEnded, what: 'ended', timeoutMs: Infinity });
  rmSync(pod.path, { recursive: true });
  await assert.rejects(waiting, is(66));
});
