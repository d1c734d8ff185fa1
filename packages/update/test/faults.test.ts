// SPDX-License-Identifier: Apache-2.0
// A machine in trouble while the command works.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spread, strikeCommand } from '../../../test/faults/commands.ts';
import { update } from '../../../test/faults/trials.ts';

const root = { skip: process.geteuid?.() !== 0 && 'needs root' };

test(
  'a fault at a call of rkt-update leaves nothing that one rkt-gc does not collect, and is one line',
  root,
  async (t) => {
    assert.ok((await strikeCommand(t, update, spread({ kills: 5, errors: 17 }))) > 3);
  },
);
