// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { test } from 'node:test';
import { deviceNumbers } from '@rkt/files';

test('deviceNumbers() reads every bit of both numbers', () => {
  assert.deepEqual(deviceNumbers(statSync('/dev/urandom', { bigint: true }).rdev), { major: 1, minor: 9 });
  assert.deepEqual(deviceNumbers(0x0000_1000_1234_5678n), { major: 0x1456, minor: 0x12378 });
  assert.deepEqual(deviceNumbers(0xffff_ffff_ffff_ffffn), { major: 0xffff_ffff, minor: 0xffff_ffff });
});
