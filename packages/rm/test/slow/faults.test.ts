// SPDX-License-Identifier: Apache-2.0
// A machine in trouble while the command works; all of its calls.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spread, strikeCommand } from '../../../../test/faults/commands.ts';
import { rm } from '../../../../test/faults/trials.ts';

test('a fault at a call of rkt-rm leaves nothing that one rkt-gc does not collect, and is one line', async (t) => {
  assert.ok((await strikeCommand(t, rm, spread({ kills: 1, errors: 3 }))) > 3);
});
