// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Failure } from '@rkt/exit';
import { digest, holdLock, makePod, TemporaryDirectory } from '@rkt/pod-fixtures';
import { removeLeftovers, removeTrees, underLayersLock } from '../src/index.ts';

const [USED, WANTED, UNUSED] = [digest('1'), digest('a'), digest('b')].map((id) => id.slice('sha256:'.length));

function makeTrees(dir: string, ...names: readonly (string | undefined)[]): void {
  for (const name of names) mkdirSync(join(dir, 'layers', name ?? '', 'tree'), { recursive: true });
}

const later = () => Date.now() + 1000;

test('removeTrees() keeps what a pod stands on and what is wanted, and removes the rest', () => {
  using dir = new TemporaryDirectory();
  makePod(dir.path, { phase: 'exited-garbage' });
  makeTrees(dir.path, USED, WANTED, UNUSED, 'README', 'lost+found');
  const removed = removeTrees(dir.path, { isKept: (name) => name === WANTED, beforeMs: later() });
  assert.deepEqual(removed, [UNUSED]);
  assert.deepEqual(new Set(readdirSync(join(dir.path, 'layers'))), new Set([USED, WANTED, 'README', 'lost+found']));
});

test('removeTrees() keeps trees that are younger than asked for', () => {
  using dir = new TemporaryDirectory();
  makeTrees(dir.path, UNUSED);
  assert.deepEqual(removeTrees(dir.path, { isKept: () => false, beforeMs: Date.now() - 1000 }), []);
});

test('removeTrees() removes nothing while it cannot tell what a pod stands on', () => {
  using dir = new TemporaryDirectory();
  makeTrees(dir.path, UNUSED);
  const pod = makePod(dir.path, { phase: 'prepare' });
  rmSync(join(pod.path, 'pod.json'));
  assert.throws(
    () => removeTrees(dir.path, { isKept: () => false, beforeMs: later() }),
    (error) => error instanceof Failure && error.message.startsWith('cannot collect layers: '),
  );
  assert.ok(existsSync(join(dir.path, 'layers', UNUSED ?? '')));
});

test('removeTrees() and removeLeftovers() follow no symbolic link', () => {
  using dir = new TemporaryDirectory();
  const canary = join(dir.path, 'canary');
  mkdirSync(join(canary, 'below'), { recursive: true });
  makeTrees(dir.path, UNUSED);
  symlinkSync(canary, join(dir.path, 'layers', UNUSED ?? '', 'tree', 'link'));
  writeFileSync(join(dir.path, 'layers', `.${USED}.0a.tmp`), 'not a directory');
  assert.throws(() => removeLeftovers(dir.path), Failure);
  rmSync(join(dir.path, 'layers', `.${USED}.0a.tmp`));
  assert.deepEqual(removeTrees(dir.path, { isKept: () => false, beforeMs: later() }), [UNUSED]);
  assert.ok(existsSync(join(canary, 'below')));
});

test('underLayersLock() does nothing while somebody makes trees', async () => {
  using dir = new TemporaryDirectory();
  let done = 0;
  assert.equal(
    underLayersLock(dir.path, () => done++),
    true,
  );
  assert.equal(done, 0);
  makeTrees(dir.path, UNUSED);
  {
    await using holder = await holdLock(join(dir.path, 'layers'));
    assert.ok(holder.child.pid);
    assert.equal(
      underLayersLock(dir.path, () => done++),
      false,
    );
  }
  assert.equal(
    underLayersLock(dir.path, () => done++),
    true,
  );
  assert.equal(done, 1);
});
