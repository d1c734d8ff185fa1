// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import {
  exists,
  lock,
  lockedFiles,
  mountsBelow,
  namesIn,
  openRegular,
  readRegular,
  removeTree,
  tryLock,
  writeDurably,
} from '@rkt/files';

function temporary(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'rkt-files-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('writeDurably() replaces a file and leaves nothing beside it', (t) => {
  const dir = temporary(t);
  writeDurably(join(dir, 'a'), 'one', 0o600);
  writeDurably(join(dir, 'a'), 'two', 0o600);
  assert.equal(readFileSync(join(dir, 'a'), 'utf8'), 'two');
  assert.equal(statSync(join(dir, 'a')).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(dir), ['a']);
});

test('writeDurably() replaces a link instead of following it', (t) => {
  const dir = temporary(t);
  writeFileSync(join(dir, 'canary'), 'canary');
  symlinkSync('canary', join(dir, 'link'));
  writeDurably(join(dir, 'link'), 'new');
  assert.equal(readFileSync(join(dir, 'canary'), 'utf8'), 'canary');
});

test('readRegular() refuses links, FIFOs and files over the limit, and knows what is missing', (t) => {
  const dir = temporary(t);
  writeFileSync(join(dir, 'file'), '12345');
  symlinkSync('file', join(dir, 'link'));
  execFileSync('mkfifo', [join(dir, 'fifo')]);
  assert.equal(readRegular(join(dir, 'file'), 5)?.toString(), '12345');
  assert.throws(() => readRegular(join(dir, 'file'), 4), { status: 65 });
  for (const name of ['link', 'fifo']) assert.throws(() => openRegular(join(dir, name)), { status: 65 }, name);
  assert.throws(() => openRegular(dir), { status: 65 });
  assert.equal(readRegular(join(dir, 'missing'), 5), undefined);
});

test('tryLock() excludes others until the lock is disposed, and lockedFiles() sees it', (t) => {
  const dir = temporary(t);
  assert.equal(lockedFiles()(dir), false);
  const held = tryLock(dir);
  assert.ok(held);
  assert.equal(tryLock(dir), undefined);
  assert.equal(lockedFiles()(dir), true);
  held[Symbol.dispose]();
  const again = tryLock(dir);
  assert.ok(again);
  again[Symbol.dispose]();
});

test('lock() waits until the lock is free', async (t) => {
  const dir = temporary(t);
  const first = tryLock(dir);
  assert.ok(first);
  const order: string[] = [];
  const waiting = lock(dir).then((second) => {
    order.push('second');
    second[Symbol.dispose]();
  });
  order.push('first');
  first[Symbol.dispose]();
  await waiting;
  assert.deepEqual(order, ['first', 'second']);
});

test('removeTree() removes links, not what they lead to, and names that are not UTF-8', (t) => {
  const dir = temporary(t);
  mkdirSync(join(dir, 'tree', 'sub'), { recursive: true });
  writeFileSync(join(dir, 'canary'), '');
  symlinkSync(dir, join(dir, 'tree', 'sub', 'link'));
  writeFileSync(Buffer.concat([Buffer.from(`${dir}/tree/sub/`), Buffer.from([0xff, 0xfe])]), '');
  removeTree(join(dir, 'tree'));
  removeTree(join(dir, 'tree'));
  assert.deepEqual(namesIn(dir), ['canary']);
  assert.equal(exists(dir, 'tree'), false);
});

test(
  'removeTree() refuses a tree with a mount in it',
  { skip: process.getuid?.() === 0 ? false : 'mounts need root' },
  (t) => {
    const dir = temporary(t);
    mkdirSync(join(dir, 'tree', 'mounted'), { recursive: true });
    writeFileSync(join(dir, 'canary'), '');
    execFileSync('mount', ['--bind', dir, join(dir, 'tree', 'mounted')]);
    try {
      assert.deepEqual(mountsBelow(join(dir, 'tree')), [join(dir, 'tree', 'mounted')]);
      assert.throws(() => removeTree(join(dir, 'tree')), /is mounted/);
      assert.equal(exists(dir, 'canary'), true);
    } finally {
      execFileSync('umount', [join(dir, 'tree', 'mounted')]);
    }
  },
);
