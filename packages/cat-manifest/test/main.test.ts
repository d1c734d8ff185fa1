// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makePod, runBin, TemporaryDirectory } from '@rkt/pod-fixtures';

test('rkt-cat-manifest prints the manifest indented by tabs, or on one line', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path);
  const stored: unknown = JSON.parse(readFileSync(join(pod.path, 'pod.json'), 'utf8'));
  const pretty = runBin('rkt-cat-manifest', [`--dir=${dir.path}`, pod.uuid]);
  assert.equal(pretty.status, 0);
  assert.match(pretty.stdout, /^\{\n\t"version": 1,\n/);
  assert.deepEqual(JSON.parse(pretty.stdout), stored);
  const line = runBin('rkt-cat-manifest', [`--dir=${dir.path}`, '--pretty-print=false', pod.uuid]);
  assert.equal(line.stdout.split('\n').length, 2);
  assert.deepEqual(JSON.parse(line.stdout), stored);
});

test('rkt-cat-manifest takes the UUID from a file', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path);
  const file = join(dir.path, 'uuid');
  writeFileSync(file, pod.uuid.slice(0, 10));
  assert.equal(runBin('rkt-cat-manifest', [`--dir=${dir.path}`, `--uuid-file=${file}`]).status, 0);
});

test('rkt-cat-manifest refuses pods without a readable manifest', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { uuid: 'aa' });
  const path = join(pod.path, 'pod.json');
  writeFileSync(path, '{');
  assert.equal(runBin('rkt-cat-manifest', [`--dir=${dir.path}`, 'aa']).status, 65);
  rmSync(path);
  assert.equal(runBin('rkt-cat-manifest', [`--dir=${dir.path}`, 'aa']).status, 66);
  symlinkSync('/etc/passwd', path);
  const { status, stdout, stderr } = runBin('rkt-cat-manifest', [`--dir=${dir.path}`, 'aa']);
  assert.deepEqual([status, stdout], [65, '']);
  assert.equal(stderr, `rkt-cat-manifest: cannot read "${path}": not a regular file\n`);
});

test('rkt-cat-manifest refuses unknown, ambiguous and missing UUIDs', () => {
  using dir = new TemporaryDirectory();
  makePod(dir.path, { uuid: 'aa' });
  makePod(dir.path, { uuid: 'ab' });
  for (const [operands, wanted] of [
    [['ff'], 66],
    [['a'], 64],
    [[], 64],
    [['aa', 'ab'], 64],
  ] as const) {
    assert.equal(runBin('rkt-cat-manifest', [`--dir=${dir.path}`, ...operands]).status, wanted, operands.join());
  }
});

test(
  'rkt-cat-manifest refuses an ordinary user the pods of root with 77',
  {
    skip: process.getuid?.() !== 0 && 'needs root',
  },
  () => {
    using dir = new TemporaryDirectory();
    const pod = makePod(dir.path);
    chmodSync(dir.path, 0o755);
    const { status, stderr } = runBin('rkt-cat-manifest', [`--dir=${dir.path}`, pod.uuid], { user: 65534 });
    assert.deepEqual(
      [status, stderr],
      [77, `rkt-cat-manifest: cannot read pods in "${dir.path}": not root: wanted sudo\n`],
    );
  },
);
