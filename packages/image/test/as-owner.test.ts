// SPDX-License-Identifier: Apache-2.0
// Root changes a store in which others write as well: that of an installation.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXIT } from '@rkt/exit';
import { runBin, TemporaryDirectory } from '@rkt/pod-fixtures';
import { addImage, blobPath } from './fixture.ts';

const skip = process.getuid?.() === 0 ? false : 'only root has rights that the owner of the store has not';
const NOBODY = 65534;

/** Makes a store of nobody's, with an image, a blob that no image needs, and a file of root's that has the name of a blob. */
function makeScene(dir: string) {
  const { id } = addImage(dir, 'name');
  const store = join(dir, 'store');
  const secret = join(dir, 'secret');
  mkdirSync(secret, { mode: 0o700 });
  const names = [join(store, 'blobs', 'sha256', '0'.repeat(64)), join(secret, '1'.repeat(64))] as const;
  for (const path of names) {
    writeFileSync(path, '');
    utimesSync(path, 0, 0);
  }
  execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, store]);
  for (const path of [dir, store]) chmodSync(path, 0o755);
  return { id, store, secret, loose: names[0], ofRoot: names[1] };
}

const image = (dir: string, ...words: readonly string[]) => runBin('rkt-image', [...words, `--dir=${dir}`]);

test('rkt-image gc and rm of root leave a store to its owner', { skip }, () => {
  using dir = new TemporaryDirectory();
  const { id, store, loose } = makeScene(dir.path);
  const { status, stderr } = image(dir.path, 'gc', '--grace-period=0');
  assert.equal(status, EXIT.ok, stderr);
  assert.ok(!existsSync(loose) && existsSync(blobPath(dir.path, id)));
  assert.equal(image(dir.path, 'rm', 'name').stdout, `successfully removed image: "${id}"\n`);
  assert.equal(statSync(join(store, 'index.json')).uid, NOBODY);
});

test('rkt-image gc of root removes nothing where a link in the store leads', { skip }, () => {
  for (const directory of ['blobs/sha256', 'partial']) {
    using dir = new TemporaryDirectory();
    const { store, secret, ofRoot } = makeScene(dir.path);
    const path = join(store, directory);
    if (existsSync(path)) renameSync(path, `${path}.old`);
    symlinkSync(secret, path);
    const { status, stderr } = image(dir.path, 'gc', '--grace-period=0');
    assert.equal(status, EXIT.notPermitted, stderr);
    assert.match(stderr, /^rkt-image: cannot [^\n]*: permission denied\n$/);
    assert.ok(existsSync(ofRoot));
  }
});
