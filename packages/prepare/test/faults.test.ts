// SPDX-License-Identifier: Apache-2.0
// A machine in trouble while the command works; more of its calls are struck by the slow test.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spread, strikeCommand } from '../../../test/faults/commands.ts';
import { prepare, prepareAnew, unpack } from '../../../test/faults/trials.ts';

const root = { skip: process.geteuid?.() !== 0 && 'needs root' };

test(
  'a fault at a call of rkt-prepare leaves nothing that one rkt-gc does not collect, and is one line',
  root,
  async (t) => {
    assert.ok((await strikeCommand(t, prepare, spread({ kills: 11, errors: 29 }))) > 3);
  },
);

test(
  'a fault at a call of rkt-prepare that unpacks layers leaves nothing that one rkt-gc does not collect, and is one line',
  root,
  async (t) => {
    assert.ok((await strikeCommand(t, prepareAnew, spread({ kills: 29, errors: 61 }))) > 3);
  },
);

test(
  'a fault at a call of unpack leaves nothing that one rkt-gc does not collect, and is one line',
  root,
  async (t) => {
    assert.ok((await strikeCommand(t, unpack, spread({ kills: 211, errors: 401 }))) > 3);
  },
);
