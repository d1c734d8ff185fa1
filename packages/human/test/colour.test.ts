// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isForEyes, layOut, painter, toneOf } from '../src/index.ts';

const RED = '\u001b[31moff\u001b[0m';

test('painter() colours for a terminal, and not if NO_COLOR has any value', () => {
  assert.equal(painter({}, true)('off', 'bad'), RED);
  assert.equal(painter({ NO_COLOR: '' }, true)('off', 'bad'), RED);
  assert.equal(painter({}, true)('off', undefined), 'off');
  for (const NO_COLOR of ['1', '0', 'false']) assert.equal(painter({ NO_COLOR }, true)('off', 'bad'), 'off');
  assert.equal(painter({}, false)('off', 'bad'), 'off');
});

test('isForEyes() is false on a terminal that knows no colours', () => {
  assert.equal(isForEyes({ TERM: 'dumb' }), false);
});

test('layOut() has the same columns with colours as without, and colours no text of others', () => {
  const rows = [
    ['a', 'running', 'x'],
    ['bbbbbbbbbb', 'off', '\u001b[31m'],
  ];
  const paint = painter({}, true);
  const lines = layOut(rows, (cell, { column }) => (column === 1 ? paint(cell, toneOf(cell)) : cell));
  const plain = lines.map((line) => line.replaceAll(/\u001b\[\d+m/g, ''));
  assert.deepEqual(plain, layOut(rows));
  assert.equal(lines.join('').split('\u001b').length - 1, 4);
});

test('toneOf() knows states and nothing that objects have by themselves', () => {
  assert.deepEqual(['running', 'exited', 'off', 'constructor'].map(toneOf), ['good', 'past', 'bad', undefined]);
});
