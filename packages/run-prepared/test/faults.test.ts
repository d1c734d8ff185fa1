// SPDX-License-Identifier: Apache-2.0
// A machine in trouble while a pod starts; all calls are struck by the slow test.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRORS } from '../../../test/faults/injector.ts';
import { strikeStage1 } from '../../../test/faults/stage1.ts';

const root = { skip: process.geteuid?.() !== 0 && 'needs root' };

test('kill -9 at a call of stage1 leaves nothing that one rkt-gc does not collect', root, async (t) => {
  const strikes = [{ fault: 'kill', step: 12 } as const, { fault: 'kill all', step: 31 } as const];
  assert.ok((await strikeStage1(t, strikes)) > 60);
});

test('an error of a call of stage1 is one line and 125, or the pod runs as always', root, async (t) => {
  const strikes = ERRORS.map((fault, index) => ({ fault, step: 37, from: index * 7 }));
  assert.ok((await strikeStage1(t, strikes)) > 40);
});
