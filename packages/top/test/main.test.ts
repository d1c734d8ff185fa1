// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holdLock, makePod, runBin, TemporaryDirectory } from '@rkt/pod-fixtures';

test('rkt-top prints the legend alone, or nothing, if nothing runs', () => {
  using dir = new TemporaryDirectory();
  makePod(dir.path, { phase: 'run' });
  const { status, stdout } = runBin('rkt-top', [`--dir=${dir.path}`]);
  assert.deepEqual([status, stdout], [0, 'UUID\tAPP\tCPU%\tMEMORY\tLIMIT\tREAD/S\tWRITE/S\tPIDS\n']);
  assert.equal(runBin('rkt-top', [`--dir=${dir.path}`, '--no-legend']).stdout, '');
  assert.equal(runBin('rkt-top', [`--dir=${dir.path}`, '--format=json']).stdout, '[]\n');
});

test('rkt-top has a row for an app of which nothing is known', async () => {
  using dir = new TemporaryDirectory();
  const options = { appStatus: { app: 'started 2 1500000001.0\n' }, status: 'started 4000000 4000001 1500000001.0\n' };
  const pod = makePod(dir.path, { phase: 'run', ...options });
  await using _holder = await holdLock(pod.path);
  const { status, stdout } = runBin('rkt-top', [`--dir=${dir.path}`, '--no-legend', '--delay=100ms', pod.uuid]);
  assert.deepEqual([status, stdout], [0, `${pod.uuid.slice(0, 8)}\tapp\t-\t-\t-\t-\t-\t-\n`]);
});

test('rkt-top says no for a pod that does not run, and refuses what it does not know', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path);
  for (const [words, wanted] of [
    [[pod.uuid, '--no-legend'], 1],
    [['a', 'b'], 64],
    [['--delay=1ms'], 64],
    [['--delay=soon'], 64],
    [['ffffffff'], 66],
  ] as const) {
    assert.equal(runBin('rkt-top', [`--dir=${dir.path}`, ...words]).status, wanted, words.join(' '));
  }
});
