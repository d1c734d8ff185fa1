// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { holdLock, makePod, runBin, startFakePod, TemporaryDirectory } from '@rkt/pod-fixtures';

const root = { skip: process.getuid?.() !== 0 && 'needs root' };

test('rkt-stop asks the parent of a running pod to end it', root, async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run' });
  await using running = await startFakePod(pod);
  const { status, stdout, stderr } = runBin('rkt-stop', [`--dir=${dir.path}`, pod.uuid.slice(0, 8)]);
  assert.deepEqual([status, stdout, stderr], [0, `"${pod.uuid}"\n`, '']);
  assert.equal(await running.ended(), 7);
});

test('rkt-stop --force kills a pod and leaves its parent to write that down', root, async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run' });
  await using running = await startFakePod(pod);
  const { status, stdout } = runBin('rkt-stop', ['--force', `--dir=${dir.path}`, pod.uuid]);
  assert.deepEqual([status, stdout], [0, `"${pod.uuid}"\n`]);
  assert.equal(await running.ended(), 137);
  assert.match(readFileSync(join(pod.path, 'status'), 'utf8'), /\nkilled 9 /);
});

test('rkt-stop --force ends a pod whose parent has been stopped', root, async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run' });
  await using running = await startFakePod(pod);
  running.child.kill('SIGSTOP');
  assert.equal(runBin('rkt-stop', ['--force', `--dir=${dir.path}`, pod.uuid]).status, 0);
  assert.equal(await running.ended(), 137);
});

test('rkt-stop says that an exited pod is already stopped, with 0', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run', status: 'started 1 2 1500000001.0\n' });
  const { status, stdout } = runBin('rkt-stop', [`--dir=${dir.path}`, pod.uuid]);
  assert.deepEqual([status, stdout], [0, `pod "${pod.uuid}" is already stopped\n`]);
});

test('rkt-stop refuses a pod that was never started with 1, and goes on with the next', () => {
  using dir = new TemporaryDirectory();
  const prepared = makePod(dir.path, { phase: 'prepared' });
  const exited = makePod(dir.path, { phase: 'run' });
  const { status, stdout, stderr } = runBin('rkt-stop', [`--dir=${dir.path}`, prepared.uuid, exited.uuid]);
  assert.equal(status, 1);
  assert.equal(stderr, `rkt-stop: cannot stop pod "${prepared.uuid}": it is not running: its state is "prepared"\n`);
  assert.equal(stdout, `pod "${exited.uuid}" is already stopped\n`);
});

test('rkt-stop never signals a process that merely has the number of one', root, async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run' });
  await using holder = await holdLock(pod.path);
  const innocent = holder.child.pid ?? 0;
  for (const pids of [
    `${innocent} ${innocent}`,
    `${process.pid} ${innocent}`,
    `1 ${innocent}`,
    '0 0',
    '4194304 4194304',
  ]) {
    writeFileSync(join(pod.path, 'status'), `started ${pids} 1500000001.0\n`);
    for (const force of [[], ['--force']]) {
      const { status, stderr } = runBin('rkt-stop', [...force, `--dir=${dir.path}`, pod.uuid]);
      assert.equal(status, 75, pids);
      assert.match(stderr, /is not its pid 1: try again\n$/);
    }
  }
  assert.equal(holder.child.exitCode ?? holder.child.signalCode, null);
});

test('rkt-stop believes neither another parent nor another process of the pod', root, async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run' });
  await using running = await startFakePod(pod);
  const file = join(pod.path, 'status');
  const [, parent, init] = /^started (\d+) (\d+) /.exec(readFileSync(file, 'utf8')) ?? [];
  const child = readFileSync(`/proc/${init}/task/${init}/children`, 'utf8').trim();
  assert.match(child, /^\d+$/);
  for (const pids of [`${process.pid} ${init}`, `${init} ${child}`, `${parent} ${child}`]) {
    writeFileSync(file, `started ${pids} 1500000001.0\n`);
    assert.equal(runBin('rkt-stop', ['--force', `--dir=${dir.path}`, pod.uuid]).status, 75, pids);
  }
  assert.equal(running.child.exitCode ?? running.child.signalCode, null);
});

test('rkt-stop asks to try again while a pod is being started', async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run' });
  await using holder = await holdLock(pod.path);
  assert.ok(holder.child.pid);
  assert.equal(runBin('rkt-stop', [`--dir=${dir.path}`, pod.uuid]).status, 75);
});

test('rkt-stop refuses unknown, ambiguous and missing UUIDs', () => {
  using dir = new TemporaryDirectory();
  makePod(dir.path, { uuid: 'aa' });
  makePod(dir.path, { uuid: 'ab' });
  for (const [operands, wanted] of [
    [['ff'], 66],
    [['a'], 64],
    [[], 64],
  ] as const) {
    const { status, stderr } = runBin('rkt-stop', [`--dir=${dir.path}`, ...operands]);
    assert.equal(status, wanted, operands.join());
    assert.match(stderr, /^rkt-stop: cannot find pod[^\n]+\n$/);
  }
});

test('rkt-stop refuses an ordinary user the pods of root with 77', root, () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run' });
  chmodSync(dir.path, 0o755);
  const { status, stdout, stderr } = runBin('rkt-stop', [`--dir=${dir.path}`, pod.uuid], { user: 65534 });
  assert.deepEqual([status, stdout], [77, '']);
  assert.equal(stderr, `rkt-stop: cannot stop pods in "${dir.path}": not root: wanted sudo\n`);
});
