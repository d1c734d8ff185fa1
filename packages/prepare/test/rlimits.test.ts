// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultRlimits } from '../src/rlimits.ts';

test('defaultRlimits() never asks for more than the machine has', () => {
  const files = (hard: string) =>
    defaultRlimits(`Max open files            1024                 ${hard}              files\n`)[1];
  assert.deepEqual(files('1048576'), { type: 'RLIMIT_NOFILE', soft: 1024, hard: 524288 });
  assert.deepEqual(files('unlimited'), { type: 'RLIMIT_NOFILE', soft: 1024, hard: 524288 });
  assert.deepEqual(files('4096'), { type: 'RLIMIT_NOFILE', soft: 1024, hard: 4096 });
  assert.deepEqual(files('512'), { type: 'RLIMIT_NOFILE', soft: 512, hard: 512 });
});
