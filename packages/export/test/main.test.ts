// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makePod, runBin, TemporaryDirectory } from '@rkt/pod-fixtures';

test('rkt-export refuses pods that have not exited', () => {
  using dir = new TemporaryDirectory();
  const prepared = makePod(dir.path);
  const file = join(dir.path, 'x.aci');
  const { status, stderr } = runBin('rkt-export', [`--dir=${dir.path}`, prepared.uuid, file]);
  assert.equal(status, 1);
  assert.match(stderr, /it is prepared: pod is not exited\. Only exited pods can be exported\n$/);
  assert.ok(!existsSync(file));
});

test('rkt-export refuses wrong words before it looks at the pod', () => {
  using dir = new TemporaryDirectory();
  writeFileSync(join(dir.path, 'there.aci'), '');
  for (const [words, pattern] of [
    [['aa'], /wanted UUID and FILE/],
    [['aa', 'x.tar.gz'], /extension must be \.aci \(given x\.tar\.gz\)/],
    [['aa', join(dir.path, 'there.aci')], /it exists: try --overwrite/],
    [['--format=zip', 'aa', 'x'], /wanted one of aci, oci, tar/],
  ] as const) {
    const { status, stderr } = runBin('rkt-export', [`--dir=${dir.path}`, ...words]);
    assert.equal(status, 64, stderr);
    assert.match(stderr, pattern);
  }
});

test('rkt-export wants to know which of several apps', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run', apps: ['one', 'two'] });
  const several = runBin('rkt-export', [`--dir=${dir.path}`, pod.uuid, join(dir.path, 'x.tar')]);
  assert.deepEqual(
    [several.status, several.stderr],
    [64, 'rkt-export: pod contains multiple apps: one, two: use --app=NAME\n'],
  );
  const none = runBin('rkt-export', [`--dir=${dir.path}`, '--app=three', pod.uuid, join(dir.path, 'x.tar')]);
  assert.deepEqual([none.status, none.stderr], [66, 'rkt-export: cannot find app "three": the pod has one, two\n']);
});
