// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keysOf, optionOf } from '../src/mode.ts';

test('optionOf() says to iomux what a mode is', () => {
  assert.equal(optionOf('auto'), '--attach');
  assert.equal(optionOf('list'), '--list');
  assert.equal(optionOf('stdout,stdin,stdout'), '--attach=stdout,stdin');
  assert.equal(optionOf('tty'), '--attach=tty-in,tty-out');
  assert.equal(optionOf('tty-out'), '--attach=tty-out');
});

test('keysOf() takes what iomux takes', () => {
  for (const keys of ['ctrl-p,ctrl-q', 'a', '-', 'ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_', ' ,~'])
    assert.deepEqual(keysOf(keys), [`--detach-keys=${keys}`]);
  for (const keys of ['', ',', 'ctrl-A', 'ctrl-1', '\u007f', 'ab'])
    assert.throws(() => keysOf(keys), /wanted at most 8/, keys);
});
