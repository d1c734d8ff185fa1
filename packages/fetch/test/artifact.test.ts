// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { take } from '../src/artifact.ts';

test('take() refuses what is too much, and leaves its place to smaller ones', () => {
  const budget = { left: 10 };
  assert.throws(() => take(budget, 11, 'artifact "x"'), /cannot keep artifact "x": more is attached than rkt takes/);
  take(budget, 10, 'artifact "y"');
  assert.throws(() => take(budget, 1, 'artifact "z"'), /more is attached/);
});
