// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRORS } from '../../../../test/faults/injector.ts';
import { strikeStage1 } from '../../../../test/faults/stage1.ts';

test('an error of any call of stage1 is one line and 125, or the pod runs as always', async (t) => {
  // Each call gets two of the errors.
  const strikes = ERRORS.map((fault, index) => ({ fault, step: 5, from: index }));
  const more = ERRORS.map((fault, index) => ({ fault, step: 5, from: (index + 2) % 5 }));
  assert.ok((await strikeStage1(t, [...strikes, ...more])) > 700);
});
