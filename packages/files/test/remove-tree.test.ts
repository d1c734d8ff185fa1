// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Failure } from '@rkt/exit';
import { removeTree } from '@rkt/files';

class TemporaryDirectory implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'rkt-files-'));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

const root = { skip: process.getuid?.() !== 0 && 'needs root' };

test('removeTree() removes files, directories, links and names that are not UTF-8', () => {
  using dir = new TemporaryDirectory();
  const tree = join(dir.path, 'tree');
  mkdirSync(join(tree, 'a', 'b'), { recursive: true });
  writeFileSync(join(tree, 'a', 'b', 'file'), '');
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xff, 0xfe])]), '');
  mkdirSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xc3])]));
  execFileSync('mkfifo', [join(tree, 'fifo')]);
  removeTree(tree);
  assert.deepEqual(readdirSync(dir.path), []);
});

test('removeTree() follows no symbolic link, neither below nor at its path', () => {
  using dir = new TemporaryDirectory();
  const canary = join(dir.path, 'canary');
  mkdirSync(canary);
  writeFileSync(join(canary, 'file'), 'alive');
  const tree = join(dir.path, 'tree');
  mkdirSync(tree);
  symlinkSync(canary, join(tree, 'link'));
  removeTree(tree);
  symlinkSync(canary, tree);
  assert.throws(
    () => removeTree(tree),
    (error) => error instanceof Failure && error.status === 65,
  );
  assert.equal(readFileSync(join(canary, 'file'), 'utf8'), 'alive');
});

test('removeTree() takes a tree that is gone for removed', () => {
  using dir = new TemporaryDirectory();
  removeTree(join(dir.path, 'none'));
  removeTree(join(dir.path, 'none', 'neither'));
});

test('removeTree() removes a tree deeper than the longest path, also one that bars the way up', () => {
  using dir = new TemporaryDirectory();
  const tree = join(dir.path, 'tree');
  mkdirSync(join(tree, '.deep-1', 'x'), { recursive: true });
  execFileSync('python3', [
    '-c',
    'import os,sys\nos.chdir(sys.argv[1])\nfor i in range(900):\n os.mkdir("d"*200); os.chdir("d"*200); open("f","w").close()',
    tree,
  ]);
  removeTree(tree);
  assert.equal(existsSync(tree), false);
});

test('removeTree() needs few descriptors, however deep the tree is', () => {
  using dir = new TemporaryDirectory();
  const tree = join(dir.path, 'tree');
  mkdirSync(tree);
  const deep = 'import os,sys\nos.chdir(sys.argv[1])\nfor i in range(900):\n os.mkdir("d"); os.chdir("d")';
  execFileSync('python3', ['-c', deep, tree]);
  const script = `import('${join(import.meta.dirname, '..', 'src', 'remove-tree.ts')}').then((m) => m.removeTree(${JSON.stringify(tree)}))`;
  execFileSync('prlimit', ['--nofile=300:300', process.execPath, '--conditions=source', '-e', script]);
  assert.equal(existsSync(tree), false);
});

test('removeTree() refuses to cross a bind mount of the same file system', root, () => {
  using dir = new TemporaryDirectory();
  const canary = join(dir.path, 'canary');
  const tree = join(dir.path, 'tree');
  for (const path of [canary, join(tree, 'x', 'point')]) mkdirSync(path, { recursive: true });
  writeFileSync(join(canary, 'file'), 'alive');
  execFileSync('mount', ['--bind', canary, join(tree, 'x', 'point')]);
  try {
    assert.throws(() => removeTree(tree), /something is mounted at or below it/);
    assert.throws(() => removeTree(join(tree, 'x', 'point')), /something is mounted at or below it/);
    assert.equal(readFileSync(join(canary, 'file'), 'utf8'), 'alive');
  } finally {
    execFileSync('umount', [join(tree, 'x', 'point')]);
  }
});

test('removeTree() leaks no descriptor', () => {
  using dir = new TemporaryDirectory();
  const before = readdirSync('/proc/self/fd').length;
  for (let round = 0; round < 20; round++) {
    const tree = mkdtempSync(join(dir.path, 'tree-'));
    mkdirSync(join(tree, 'a', 'b', 'c'), { recursive: true });
    removeTree(tree);
  }
  assert.equal(readdirSync('/proc/self/fd').length, before);
  rmSync(dir.path, { recursive: true });
});
