// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layOut } from '@rkt/human';
import { inspectPod, type PodView } from '@rkt/inspect';
import { CREATED_MS, makePod, TemporaryDirectory, type PodOptions } from '@rkt/pod-fixtures';
import { legend, rowsOf } from '../src/rows.ts';

const nowMs = CREATED_MS + 3_600_000;

function view(options: PodOptions, locked = false): PodView {
  using dir = new TemporaryDirectory();
  const found = inspectPod(dir.path, makePod(dir.path, options), () => locked);
  assert.ok(found);
  return found;
}

test('legend() has the columns of rkt list', () => {
  assert.equal(legend(false).join(), 'UUID,APP,IMAGE NAME,STATE,CREATED,STARTED,NETWORKS');
  assert.equal(legend(true).join(), 'UUID,APP,IMAGE NAME,IMAGE ID,STATE,CREATED,STARTED,NETWORKS');
});

test('rowsOf() prints a row per app, and what is the whole pod only once', () => {
  const pod = view(
    { uuid: '0a1b2c3d', phase: 'run', apps: ['one', 'two'], status: 'started 7 8 1500003000.0\n' },
    true,
  );
  assert.deepEqual(rowsOf(pod, { full: false, nowMs }), [
    ['0a1b2c3d', 'one', 'docker://example.org/app:1', 'running', '1 hour ago', '10 minutes ago', ''],
    ['', 'two', 'docker://example.org/app:1', '', '', '', ''],
  ]);
});

test('rowsOf() prints whole UUIDs, image ids and absolute times when full', () => {
  const pod = view({ phase: 'prepared' });
  const [row = []] = rowsOf(pod, { full: true, nowMs });
  assert.equal(row[0], pod.pod.uuid);
  assert.equal(row[3], 'sha256:000000000000');
  assert.match(row[5] ?? '', /^2017-07-1\d \d\d:\d\d:00 [+-]\d{4} /);
});

test('rowsOf() prints dashes for a pod without apps', () => {
  const [row] = rowsOf(view({ apps: [] }), { full: false, nowMs });
  assert.deepEqual(row?.slice(1, 4), ['-', '-', 'prepared']);
});

test('rowsOf() cannot be made to print terminal escapes by the name of an image', () => {
  const [line] = layOut(rowsOf(view({ imageName: 'a\u001b[2J\r\nfake\t\u202erow' }), { full: false, nowMs }).slice());
  assert.match(line ?? '', /a\\u001b\[2J\\u000d\\u000afake\\u0009\\u202erow/);
});
