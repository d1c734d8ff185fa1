// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { explainOp, parsePlan } from '../src/index.ts';
import { anyOp } from './arbitrary.ts';

function explain(line: string): string {
  return parsePlan(`${line}\n`, 'p').map(explainOp).join('');
}

test('explainOp() makes one printable sentence of every operation', () => {
  fc.assert(
    fc.property(anyOp, (op) => assert.match(explainOp(op), /^[A-Z][\u0020-\u007e]*\.$/)),
    { numRuns: 1000 },
  );
});

test('explainOp() fills in the arguments and leaves out what is empty', () => {
  assert.equal(explain('mkdir /a\\040b 0755'), 'Make the directory "/a b" with mode 0755, unless it exists.');
  assert.equal(explain('umount2 /a 0'), 'Unmount "/a".');
  assert.equal(explain('umount2 /a MNT_DETACH'), 'Unmount "/a" with MNT_DETACH.');
  assert.equal(explain('setgroups'), 'Have no supplementary groups.');
  assert.equal(explain('setgroups 1 2'), 'Have the supplementary groups 1, 2.');
  assert.equal(explain('umask 0000'), 'Set the file mode creation mask to 0000.');
  assert.equal(
    explain('clone CLONE_NEWNS|CLONE_NEWPID - 5 0:100000:65536 -'),
    'Go on in a child with new mount, process namespaces; its start and end go to descriptor 5; user ids map 65536 from 0 to 100000 on.',
  );
});

test('explainOp() tells the operations of mount apart', () => {
  assert.equal(explain('mount proc /proc proc MS_NOSUID ""'), 'Mount "proc" from "proc" on "/proc" with MS_NOSUID.');
  assert.equal(explain('mount /a /b "" MS_BIND ""'), 'Make "/a" visible at "/b" too, with MS_BIND.');
  assert.equal(explain('mount "" / "" MS_REC|MS_PRIVATE ""'), 'Make the mount "/" MS_REC MS_PRIVATE.');
  assert.equal(
    explain('mount "" / "" MS_REMOUNT|MS_BIND|MS_RDONLY ""'),
    'Change the mount "/" to MS_REMOUNT MS_BIND MS_RDONLY.',
  );
  assert.equal(explain('mount /a /b "" MS_MOVE ""'), 'Move the mount "/a" to "/b".');
});

test('explainOp() shows braces and brackets of arguments as they are', () => {
  assert.equal(explain('rmdir [{path}]'), 'Remove the empty directory "[{path}]".');
});
