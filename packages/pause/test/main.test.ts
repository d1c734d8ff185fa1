// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { test } from 'node:test';
import { makePod, runBin, startFakePod, TemporaryDirectory } from '@rkt/pod-fixtures';

const root = { skip: process.getuid?.() !== 0 && 'needs root' };

test('rkt-pause refuses pods that do not run with 1', () => {
  using dir = new TemporaryDirectory();
  for (const phase of ['prepared', 'run'] as const) {
    const pod = makePod(dir.path, { phase, status: 'started 1 2 1500000001.0\n' });
    const { status, stdout, stderr } = runBin('rkt-pause', [`--dir=${dir.path}`, pod.uuid]);
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(stderr, /^rkt-pause: cannot pause pod "[^"]+": it is not running: its state is "\w+"\n$/);
  }
});

test('rkt-pause refuses apps that the pod does not have with 66', root, async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run', apps: ['one', 'two'] });
  await using running = await startFakePod(pod);
  const { status, stdout, stderr } = runBin('rkt-pause', [`--dir=${dir.path}`, pod.uuid, 'one', 'tw\x1bo']);
  assert.deepEqual([status, stdout], [66, '']);
  assert.match(stderr, /^rkt-pause: cannot find app "tw\\[^"]+": the pod has one, two\n$/);
  assert.equal(running.child.exitCode, null);
});

test('rkt-pause refuses unknown and missing UUIDs', () => {
  using dir = new TemporaryDirectory();
  makePod(dir.path, { uuid: 'aa' });
  for (const [operands, wanted] of [
    [['ff'], 66],
    [[], 64],
  ] as const) {
    const { status, stderr } = runBin('rkt-pause', [`--dir=${dir.path}`, ...operands]);
    assert.equal(status, wanted);
    assert.match(stderr, /^rkt-pause: cannot find pod[^\n]+\n$/);
  }
});

test('rkt-pause refuses an ordinary user the pods of root with 77', root, () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run' });
  chmodSync(dir.path, 0o755);
  const { status, stderr } = runBin('rkt-pause', [`--dir=${dir.path}`, pod.uuid], { user: 65534 });
  assert.equal(status, 77);
  assert.equal(stderr, `rkt-pause: cannot pause pods in "${dir.path}": not root: wanted sudo\n`);
});
