// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { strikeStage1 } from '../../../../test/faults/stage1.ts';

test('kill -9 at any call of stage1 leaves nothing that one rkt-gc does not collect', async (t) => {
  const strikes = [{ fault: 'kill', step: 1 } as const, { fault: 'kill all', step: 2 } as const];
  assert.ok((await strikeStage1(t, strikes)) > 700);
});
