// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createPod, movePod, type Pod } from '@rkt/pods';
import { findProcess } from '../src/process.ts';
import { writeEnterPlan } from '../src/write-plan.ts';

/** A pod in phase run whose lock is held until the test ends. */
function runningPod(t: TestContext, status: string, appStatus: string): Pod {
  const dir = mkdtempSync(join(tmpdir(), 'rkt-enter-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const { pod, lock } = createPod(dir);
  t.after(() => lock[Symbol.dispose]());
  const moved = movePod(dir, pod, 'run');
  mkdirSync(join(moved.path, 'apps', 'x'), { recursive: true });
  writeFileSync(join(moved.path, 'status'), status);
  writeFileSync(join(moved.path, 'apps', 'x', 'status'), appStatus);
  return moved;
}

test('findProcess() finds the process that the status of the app names', (t) => {
  const pod = runningPod(
    t,
    'started 1 5 1.000000000\n',
    'started 7 2 1.000000000\nexited 1 2.000000000\nstarted 9 3 3.000000000\n',
  );
  assert.deepEqual(findProcess(pod, 'x'), { pid: 9, nspid: 3, parent: 1 });
});

test('findProcess() refuses an app that has ended or has not started', (t) => {
  const started = `started 1 ${process.ppid} 1.000000000\n`;
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['', '', /isn't currently running/],
    [started, 'started 2 1.000000000\nexited 0 2.000000000\n', /it has ended/],
    [started, '', /has not started yet/],
  ];
  for (const [status, appStatus, message] of cases) {
    assert.throws(
      () => findProcess(runningPod(t, status, appStatus), 'x'),
      (error) => {
        assert.ok(error instanceof Error);
        assert.match(error.message, message);
        return true;
      },
    );
  }
});

test('findProcess() refuses a pod whose lock nobody holds', (t) => {
  const pod = runningPod(t, `started 1 ${process.ppid} 1.000000000\n`, 'started 2 1.000000000\n');
  const elsewhere = { ...pod, path: mkdtempSync(join(tmpdir(), 'rkt-enter-')) };
  t.after(() => rmSync(elsewhere.path, { recursive: true, force: true }));
  assert.throws(() => findProcess(elsewhere, 'x'), { status: 1 });
});

test('writeEnterPlan() leaves a record of who entered, readable by root alone', (t) => {
  const pod = runningPod(t, '', '');
  const path = writeEnterPlan(pod, 'x', { plan: [{ op: 'setsid' }], caller: '1000' });
  assert.match(readFileSync(path, 'utf8'), /^# entered at \S+ by uid 1000\nsetsid\n$/);
});
