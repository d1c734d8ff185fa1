// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { namesIn } from '@rkt/files';
import {
  allocateRange,
  createPod,
  findPod,
  listPods,
  lockPod,
  makePhases,
  movePod,
  PHASES,
  RANGE_SIZE,
  readPod,
  readPodStatus,
  refind,
  releaseRanges,
  stateOf,
} from '@rkt/pods';

function temporary(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'rkt-pods-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('stateOf() is the table of the life cycle', () => {
  const table = PHASES.map((phase) => [phase, stateOf(phase, () => true), stateOf(phase, () => false)]);
  assert.deepEqual(table, [
    ['embryo', 'embryo', 'embryo'],
    ['prepare', 'preparing', 'aborted prepare'],
    ['prepared', 'prepared', 'prepared'],
    ['run', 'running', 'exited'],
    ['exited-garbage', 'exited deleting', 'exited garbage'],
    ['garbage', 'deleting', 'garbage'],
  ]);
});

test('createPod() makes a locked pod in phase prepare', (t) => {
  const dir = temporary(t);
  const { pod, lock } = createPod(dir);
  assert.equal(pod.phase, 'prepare');
  assert.throws(() => lockPod(pod), { status: 75 });
  lock[Symbol.dispose]();
  lockPod(pod)[Symbol.dispose]();
});

test('createPod() makes another embryo when a collector has taken the first', (t) => {
  const dir = temporary(t);
  makePhases(dir);
  // It takes every embryo whose lock it gets, as rkt-gc does.
  const script = 'while :; do for pod in embryo/*; do flock -n "$pod" mv "$pod" garbage; done 2>/dev/null; done';
  const collector = spawn('sh', ['-c', script], { cwd: join(dir, 'pods'), stdio: 'ignore' });
  t.after(() => collector.kill('SIGKILL'));
  const garbage = join(dir, 'pods', 'garbage');
  const until = performance.now() + 20_000;
  while (namesIn(garbage).length === 0 && performance.now() < until) createPod(dir).lock[Symbol.dispose]();
  assert.notEqual(namesIn(garbage).length, 0);
});

test('movePod() keeps the lock, and findPod() and refind() follow', (t) => {
  const dir = temporary(t);
  const { pod, lock } = createPod(dir);
  const moved = movePod(dir, pod, 'prepared');
  assert.throws(() => lockPod(moved), { status: 75 });
  lock[Symbol.dispose]();
  assert.deepEqual(findPod(dir, pod.uuid.slice(0, 8).toUpperCase()), moved);
  assert.deepEqual(refind(dir, pod.uuid), moved);
  assert.deepEqual(listPods(dir), [moved]);
  movePod(dir, moved, 'garbage');
  assert.throws(() => findPod(dir, pod.uuid), { status: 66 });
  assert.deepEqual(listPods(dir), []);
});

test('releaseRanges() removes what a killed allocator has left of a pod that is gone', (t) => {
  const dir = temporary(t);
  const { pod } = createPod(dir);
  allocateRange(dir, pod.uuid);
  const [slot = ''] = namesIn(join(dir, 'ranges'));
  writeFileSync(join(dir, 'ranges', `.${pod.uuid}.tmp`), '');
  releaseRanges(dir, () => false);
  assert.deepEqual(namesIn(join(dir, 'ranges')), [`.${pod.uuid}.tmp`, slot]);
  releaseRanges(dir, (uuid) => uuid === pod.uuid);
  assert.deepEqual(namesIn(join(dir, 'ranges')), []);
});

test('findPod() refuses an empty, malformed or ambiguous prefix', (t) => {
  const dir = temporary(t);
  const pods = Array.from({ length: 17 }, () => createPod(dir));
  for (const { lock } of pods) lock[Symbol.dispose]();
  const counts = Map.groupBy(pods, ({ pod }) => pod.uuid[0]);
  const shared = [...counts].find(([, list]) => list.length > 1)?.[0] ?? '';
  for (const prefix of ['', '../', 'xyz', shared]) assert.throws(() => findPod(dir, prefix), { status: 64 }, prefix);
});

test('readPodStatus() and readPod() refuse a link where their file should be', (t) => {
  const dir = temporary(t);
  const { pod, lock } = createPod(dir);
  lock[Symbol.dispose]();
  assert.deepEqual(readPodStatus(pod), { restarts: 0 });
  assert.throws(() => readPod(pod), { status: 66 });
  writeFileSync(join(dir, 'elsewhere'), 'ready 1.000000000\n');
  symlinkSync(join(dir, 'elsewhere'), join(pod.path, 'status'));
  symlinkSync(join(dir, 'elsewhere'), join(pod.path, 'pod.json'));
  assert.throws(() => readPodStatus(pod), { status: 65 });
  assert.throws(() => readPod(pod), { status: 65 });
});

test('allocateRange() gives each pod a range of its own, and releaseRanges() frees those of pods that are gone', (t) => {
  const dir = temporary(t);
  const pods = Array.from({ length: 20 }, () => createPod(dir));
  const firsts = pods.map(({ pod }) => allocateRange(dir, pod.uuid));
  assert.equal(new Set(firsts).size, 20);
  for (const first of firsts) {
    assert.equal(first % RANGE_SIZE, 0);
    assert.ok(first >= 0x10000000 && first + RANGE_SIZE <= 1879048192);
  }
  const gone = pods[0]?.pod.uuid;
  releaseRanges(dir, (uuid) => uuid === gone);
  assert.equal(namesIn(join(dir, 'ranges')).length, 19);
  assert.ok(
    namesIn(join(dir, 'ranges')).every((name) => readFileSync(join(dir, 'ranges', name), 'utf8').trim() !== gone),
  );
  for (const { lock } of pods) lock[Symbol.dispose]();
});
