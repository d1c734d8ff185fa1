// SPDX-License-Identifier: Apache-2.0
// A machine in trouble while the command works; more of its calls are struck by the slow test.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spread, strikeCommand } from '../../../test/faults/commands.ts';
import { imageGc, imageRm } from '../../../test/faults/trials.ts';

const root = { skip: process.geteuid?.() !== 0 && 'needs root' };

test(
  'a fault at a call of rkt-image gc leaves nothing that one rkt-gc does not collect, and is one line',
  root,
  async (t) => {
    assert.ok((await strikeCommand(t, imageGc, spread({ kills: 3, errors: 13 }))) > 3);
  },
);

test(
  'a fault at a call of rkt-image rm leaves nothing that one rkt-gc does not collect, and is one line',
  root,
  async (t) => {
    assert.ok((await strikeCommand(t, imageRm, spread({ kills: 2, errors: 13 }))) > 3);
  },
);
