// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

test('what is generated from the table of operations is fresh', () => {
  const script = join(import.meta.dirname, '../scripts/generate.ts');
  const { status, stderr } = spawnSync(process.execPath, ['--conditions=source', script, '--check'], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
});
