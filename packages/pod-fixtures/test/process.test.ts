// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockedFiles } from '@rkt/files';
import { holdLock, makePod, startFakePod, TemporaryDirectory } from '../src/index.ts';

test('holdLock() holds the lock until it is disposed', async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path);
  {
    await using holder = await holdLock(pod.path);
    assert.ok(holder.child.pid);
    assert.equal(lockedFiles()(pod.path), true);
  }
  assert.equal(lockedFiles()(pod.path), false);
});

test('startFakePod() ends in order on SIGTERM', { skip: process.getuid?.() !== 0 && 'needs root' }, async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run' });
  await using running = await startFakePod(pod);
  assert.equal(lockedFiles()(pod.path), true);
  running.child.kill('SIGTERM');
  assert.equal(await running.ended(), 7);
  assert.match(readFileSync(join(pod.path, 'status'), 'utf8'), /^started \d+ \d+ \S+\nready \S+\nexited 7 \S+\n$/);
});
