// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { OrdinaryUser, type UserOptions } from '@rkt/pod-fixtures';

const DIST = join(import.meta.dirname, '..', '..', '..', 'dist');
const skip =
  process.getuid?.() !== 0 ? 'needs root' : !existsSync(DIST) ? 'needs the built executables: npm run build' : false;

/** Runs rkt-rm on a pod with files of subordinate ids. */
function removePod(user: OrdinaryUser, options: UserOptions = {}) {
  const [file, args] = user.argv([join(DIST, 'bin', 'rkt-rm'), '11111111-1111-4111-8111-111111111111'], options);
  return spawnSync(file, args, { encoding: 'utf8', env: user.environment(), cwd: user.directory, timeout: 60_000 });
}

/** A pod whose files belong to the user and to subordinate ids, some in directories that even their owner may not enter. */
function makePod(user: OrdinaryUser): string {
  const data = join(user.home, '.local', 'share', 'rkt');
  const pod = join(data, 'pods', 'exited-garbage', '11111111-1111-4111-8111-111111111111');
  const closed = join(pod, 'data', 'upper', 'closed');
  mkdirSync(closed, { recursive: true });
  mkdirSync(join(data, 'pods', 'garbage'));
  writeFileSync(join(closed, 'file'), '');
  const owned = ['.local', '.local/share', '.local/share/rkt'].map((path) => join(user.home, path));
  for (const path of [
    ...owned,
    join(data, 'pods'),
    join(data, 'pods', 'garbage'),
    join(data, 'pods', 'exited-garbage'),
    pod,
  ])
    user.give(path);
  for (const path of [join(pod, 'data', 'upper'), closed, join(closed, 'file')]) {
    chownSync(path, user.first + 33, user.first + 33);
    chmodSync(path, 0);
  }
  user.give(join(pod, 'data'));
  chmodSync(join(pod, 'data'), 0o500);
  return pod;
}

test('removeOwnTree() removes files of subordinate ids, also behind closed doors', { skip }, () => {
  using user = new OrdinaryUser();
  const pod = makePod(user);
  const { status, stdout, stderr } = removePod(user);
  assert.deepEqual([status, stderr, stdout], [0, '', '"11111111-1111-4111-8111-111111111111"\n']);
  assert.ok(!existsSync(pod));
  assert.deepEqual(readdirSync(join(pod, '..', '..', 'garbage')), []);
});

test('removeOwnTree() says why it cannot, and keeps what it could not remove', { skip }, () => {
  using user = new OrdinaryUser();
  const pod = makePod(user);
  const garbage = join(pod, '..', '..', 'garbage');
  const { status, stderr } = removePod(user, { hidden: ['/usr/bin/newuidmap'] });
  assert.equal(status, 71);
  assert.match(
    stderr,
    /^rkt-rm: cannot remove ".*": .*: \/usr\/bin\/newuidmap cannot be executed: wanted the package uidmap\n$/,
  );
  assert.equal(readdirSync(garbage).length, 1);
});

test('removeOwnTree() removes nothing of others', { skip }, () => {
  using user = new OrdinaryUser();
  const pod = makePod(user);
  const foreign = join(pod, 'data', 'foreign');
  mkdirSync(foreign);
  writeFileSync(join(foreign, 'file'), '');
  const { status, stderr } = removePod(user);
  assert.equal(status, 71);
  assert.match(stderr, /^rkt-rm: cannot remove ".*": permission denied\n$/);
  assert.ok(
    readdirSync(join(pod, '..', '..', 'garbage', '11111111-1111-4111-8111-111111111111', 'data', 'foreign')).includes(
      'file',
    ),
  );
});
