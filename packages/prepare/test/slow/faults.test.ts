// SPDX-License-Identifier: Apache-2.0
// A machine in trouble while the command works; all of its calls.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spread, strikeCommand } from '../../../../test/faults/commands.ts';
import { prepare, prepareAnew, unpack } from '../../../../test/faults/trials.ts';

test('a fault at a call of rkt-prepare leaves nothing that one rkt-gc does not collect, and is one line', async (t) => {
  assert.ok((await strikeCommand(t, prepare, spread({ kills: 1, errors: 2 }))) > 3);
});

test('a fault at a call of rkt-prepare that unpacks layers leaves nothing that one rkt-gc does not collect, and is one line', async (t) => {
  assert.ok((await strikeCommand(t, prepareAnew, spread({ kills: 3, errors: 9 }))) > 3);
});

test('a fault at a call of unpack leaves nothing that one rkt-gc does not collect, and is one line', async (t) => {
  assert.ok((await strikeCommand(t, unpack, spread({ kills: 23, errors: 43 }))) > 3);
});
