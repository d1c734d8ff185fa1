// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { holdLock, makePod, runBin, TemporaryDirectory } from '@rkt/pod-fixtures';

const isRoot = process.getuid?.() === 0;

test('rkt-list prints the legend alone when there is no data directory', () => {
  using dir = new TemporaryDirectory();
  const { status, stdout, stderr } = runBin('rkt-list', [`--dir=${join(dir.path, 'none')}`]);
  assert.deepEqual([status, stdout, stderr], [0, 'UUID\tAPP\tIMAGE NAME\tSTATE\tCREATED\tSTARTED\tNETWORKS\n', '']);
});

test('rkt-list shows pods by UUID in every phase but embryo and garbage', async () => {
  using dir = new TemporaryDirectory();
  makePod(dir.path, { uuid: 'b', phase: 'prepared' });
  makePod(dir.path, { uuid: 'a', phase: 'exited-garbage' });
  makePod(dir.path, { uuid: 'e', phase: 'embryo' });
  makePod(dir.path, { uuid: 'f', phase: 'garbage' });
  makePod(dir.path, { uuid: 'd', phase: 'prepare' });
  const running = makePod(dir.path, { uuid: 'c', phase: 'run' });
  await using holder = await holdLock(running.path);
  assert.ok(holder.child.pid);
  const { status, stdout, stderr } = runBin('rkt-list', [`--dir=${dir.path}`, '--no-legend']);
  assert.deepEqual([status, stderr], [0, '']);
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(/\t+/));
  assert.deepEqual(
    rows.map(([uuid = '', , , state]) => [uuid.charAt(0), state]),
    [
      ['a', 'exited garbage'],
      ['b', 'prepared'],
      ['c', 'running'],
      ['d', 'aborted prepare'],
    ],
  );
});

test('rkt-list prints an array of JSON on one line, also of no pods', () => {
  using dir = new TemporaryDirectory();
  assert.equal(runBin('rkt-list', [`--dir=${dir.path}`, '--format=json']).stdout, '[]\n');
  const pod = makePod(dir.path);
  const { stdout } = runBin('rkt-list', [`--dir=${dir.path}`, '--format=json']);
  assert.equal(stdout.split('\n').length, 2);
  assert.partialDeepStrictEqual(JSON.parse(stdout), [{ name: pod.uuid, state: 'prepared', app_names: ['app'] }]);
});

test('rkt-list lists the rest when a manifest is malformed, and says so on standard error', () => {
  using dir = new TemporaryDirectory();
  const broken = makePod(dir.path, { uuid: '1' });
  makePod(dir.path, { uuid: '2' });
  writeFileSync(join(broken.path, 'pod.json'), '{"\u001b[2J": 1}');
  const { status, stdout, stderr } = runBin('rkt-list', [`--dir=${dir.path}`, '--no-legend']);
  assert.equal(status, 0);
  assert.match(stdout, /^1\S+\t+-\t+--\t+prepared\n2\S+\t+app\t/);
  assert.match(stderr, /^rkt-list: cannot read "[^"]+pod.json": [^\n\u001b]+\n$/);
});

test('rkt-list refuses operands and unknown options with 64', () => {
  for (const word of ['x', '--unknown', '--format=xml']) {
    const { status, stdout, stderr } = runBin('rkt-list', [word]);
    assert.deepEqual([status, stdout], [64, ''], word);
    assert.match(stderr, /^rkt-list: [^\n]+\n$/);
  }
});

test('rkt-list refuses an ordinary user the pods of root with 77', { skip: !isRoot && 'needs root' }, () => {
  using dir = new TemporaryDirectory();
  makePod(dir.path);
  chmodSync(dir.path, 0o755);
  const { status, stdout, stderr } = runBin('rkt-list', [`--dir=${dir.path}`], { user: 65534 });
  assert.deepEqual(
    [status, stdout, stderr],
    [77, '', `rkt-list: cannot list pods in "${dir.path}": not root: wanted sudo\n`],
  );
});

test('rkt-list lists two hundred pods', () => {
  using dir = new TemporaryDirectory();
  for (let index = 0; index < 200; index++) makePod(dir.path, { phase: 'run', status: 'started 1 2 1500000001.0\n' });
  const { status, stdout } = runBin('rkt-list', [`--dir=${dir.path}`, '--no-legend']);
  assert.equal(status, 0);
  assert.equal(stdout.trim().split('\n').length, 200);
});
