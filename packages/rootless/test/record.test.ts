// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TemporaryDirectory } from '@rkt/pod-fixtures';
import { callerOf, isSameOwner, readOwner, writeOwner } from '../src/index.ts';

const { owner } = callerOf({ name: 'a', uid: 7, gid: 8, subuid: 'a:100:50\n', subgid: 'a:300:20\na:500:50\n' });

test('writeOwner() writes a plan of one operation, which readOwner() reads back', () => {
  using dir = new TemporaryDirectory();
  assert.equal(readOwner(dir.path), undefined);
  writeOwner(dir.path, owner);
  const path = join(dir.path, 'ids.plan');
  assert.match(readFileSync(path, 'utf8'), /^# .*\nunshare_user 0:7:1,1:100:50 0:8:1,1:300:20,21:500:30\n$/);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const read = readOwner(dir.path);
  assert.deepEqual(read, owner);
  assert.ok(read && isSameOwner(read, owner));
  assert.ok(!isSameOwner(owner, { ...owner, gidMap: owner.uidMap }));
});

test('readOwner() refuses what is not such a plan', () => {
  using dir = new TemporaryDirectory();
  const path = join(dir.path, 'ids.plan');
  for (const text of ['', 'umask 0022\n', 'unshare_user - -\numask 0022\n', 'unshare_user 0:1:1\n']) {
    writeFileSync(path, text);
    assert.throws(() => readOwner(dir.path), /cannot (read|parse plan) ".*ids\.plan"/, text);
  }
  rmSync(path);
  symlinkSync('/dev/null', path);
  assert.throws(() => readOwner(dir.path), /not a regular file/);
});
