// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { test } from 'node:test';
import { makePod, runBin, startFakePod, TemporaryDirectory } from '@rkt/pod-fixtures';
import { withJoins } from '../src/record.ts';

const root = { skip: process.getuid?.() !== 0 && 'needs root' };

test('rkt-update refuses to change nothing, and more than one app', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run' });
  for (const [words, message] of [
    [[], /nothing to change: try --help$/],
    [['app'], /nothing to change/],
    [['app', '--pod-memory=1G'], /nothing to change of app "app"/],
    [['one', 'two', '--cpu=1'], /more than one app/],
    [['--memory=x'], /cannot use --memory="x"/],
    [['--memory='], /needs a value/],
  ] as const) {
    const { status, stdout, stderr } = runBin('rkt-update', [`--dir=${dir.path}`, pod.uuid, ...words]);
    assert.deepEqual([status, stdout], [64, ''], words.join(' '));
    assert.match(stderr.trimEnd(), message);
  }
});

test('rkt-update refuses pods that do not run with 1', () => {
  using dir = new TemporaryDirectory();
  for (const phase of ['prepared', 'run'] as const) {
    const pod = makePod(dir.path, { phase, status: 'started 1 2 1500000001.0\n' });
    const { status, stdout, stderr } = runBin('rkt-update', [`--dir=${dir.path}`, pod.uuid, '--cpu=1']);
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(stderr, /^rkt-update: cannot update pod "[^"]+": it is not running: its state is "\w+"\n$/);
  }
});

test('rkt-update wants the name of an app where there are two', root, async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run', apps: ['one', 'two'] });
  await using running = await startFakePod(pod);
  for (const [words, wanted, message] of [
    [[], 64, /the pod has the apps one, two: wanted the name of one/],
    [['three'], 66, /cannot find app "three": the pod has one, two/],
  ] as const) {
    const { status, stderr } = runBin('rkt-update', [`--dir=${dir.path}`, pod.uuid, ...words, '--cpu=1']);
    assert.equal(status, wanted);
    assert.match(stderr, message);
  }
  assert.equal(running.child.exitCode, null);
});

test('rkt-update refuses an ordinary user the pods of root with 77', root, () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run' });
  chmodSync(dir.path, 0o755);
  const { status, stderr } = runBin('rkt-update', [`--dir=${dir.path}`, pod.uuid, '--cpu=1'], { user: 65534 });
  assert.equal(status, 77);
  assert.equal(stderr, `rkt-update: cannot update pods in "${dir.path}": not root: wanted sudo\n`);
});

test('withJoins() adds what an app has to join before it leaves the namespaces of the host', () => {
  const plan = '# app\nwrite /cg/pids/tasks 0\nunshare CLONE_NEWNS\nexec /bin/true true\n';
  assert.equal(
    withJoins(plan, ['write /cg/pids/tasks 0\n', 'write /cg/memory/tasks 0\n']),
    '# app\nwrite /cg/pids/tasks 0\nwrite /cg/memory/tasks 0\nunshare CLONE_NEWNS\nexec /bin/true true\n',
  );
  assert.equal(withJoins(plan, ['write /cg/pids/tasks 0\n']), plan);
  assert.equal(withJoins(plan, []), plan);
});
