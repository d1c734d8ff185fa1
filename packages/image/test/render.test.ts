// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runBin, TemporaryDirectory, type Result } from '@rkt/pod-fixtures';
import { addImage, blobPath } from './fixture.ts';

const prepare = join(import.meta.dirname, '..', '..', '..', 'dist', 'bin', 'rkt-prepare');
const skip =
  process.getuid?.() !== 0 ? 'needs root' : !existsSync(prepare) ? 'needs the built executables: npm run build' : false;

// Two layers: the upper one takes a file away and hides what a directory had.
const SCRIPT = `set -e
mkdir -p "$1/lower/a" "$1/lower/opaque" "$1/upper/a" "$1/upper/opaque"
cd "$1/lower"
echo keep > a/keep; echo gone > a/gone; echo old > opaque/old
cp a/keep setuid; chmod 4755 setuid; chown 1000:2000 a/keep
ln setuid hard; ln -s /etc/passwd link
touch -d 2001-02-03T04:05:06.789Z a/keep
cd "$1/upper"
: > a/.wh.gone; : > opaque/.wh..wh..opq; echo new > opaque/new
touch -d 2002-03-04T05:06:07Z .
for layer in lower upper; do tar -C "$1/$layer" --format=pax -cf "$1/$layer.tar" .; done
`;

function addRealImage(dir: string): string {
  const build = join(dir, 'build');
  mkdirSync(build);
  execFileSync('sh', ['-c', SCRIPT, 'sh', build]);
  return addImage(dir, 'real', { texts: ['lower', 'upper'].map((name) => readFileSync(join(build, `${name}.tar`))) })
    .id;
}

function image(dir: string, ...words: readonly string[]): Result {
  return runBin('rkt-image', [...words, `--dir=${dir}`]);
}

test('rkt-image render writes the joined layers, the manifest and the configuration', { skip }, () => {
  using dir = new TemporaryDirectory();
  const id = addRealImage(dir.path);
  const target = join(dir.path, 'target');
  const { status, stdout, stderr } = image(dir.path, 'render', 'real', target);
  assert.deepEqual([status, stdout, stderr], [0, '', '']);
  assert.deepEqual(readdirSync(target).toSorted(), ['config', 'manifest', 'rootfs']);
  assert.deepEqual(readFileSync(join(target, 'manifest')), readFileSync(blobPath(dir.path, id)));
  const files = join(target, 'rootfs');
  assert.deepEqual(readdirSync(files).toSorted(), ['a', 'hard', 'link', 'opaque', 'setuid']);
  assert.deepEqual(readdirSync(join(files, 'a')), ['keep']);
  assert.deepEqual(readdirSync(join(files, 'opaque')), ['new']);
  assert.equal(readlinkSync(join(files, 'link')), '/etc/passwd');
  const keep = statSync(join(files, 'a', 'keep'));
  assert.deepEqual([keep.uid, keep.gid, keep.mtimeMs], [1000, 2000, Date.parse('2001-02-03T04:05:06.789Z')]);
  assert.equal(statSync(files).mtimeMs, Date.parse('2002-03-04T05:06:07Z'));
  const setuid = statSync(join(files, 'setuid'));
  assert.deepEqual([setuid.mode & 0o7777, setuid.ino, setuid.uid], [0o4755, statSync(join(files, 'hard')).ino, 0]);
});

test('rkt-image render leaves no pod, no ids and no temporary directory behind', { skip }, () => {
  using dir = new TemporaryDirectory();
  addRealImage(dir.path);
  assert.equal(image(dir.path, 'render', 'real', join(dir.path, 'target')).status, 0);
  assert.deepEqual(readdirSync(dir.path).toSorted(), ['build', 'layers', 'pods', 'ranges', 'store', 'target']);
  assert.deepEqual(readdirSync(join(dir.path, 'ranges')), []);
  for (const phase of readdirSync(join(dir.path, 'pods')))
    assert.deepEqual(readdirSync(join(dir.path, 'pods', phase)), []);
});

test(
  'rkt-image extract --rootfs-only puts the files into the directory, which it replaces only if told',
  { skip },
  () => {
    using dir = new TemporaryDirectory();
    addRealImage(dir.path);
    const target = join(dir.path, 'target');
    mkdirSync(target);
    writeFileSync(join(target, 'precious'), '');
    const words = ['extract', '--rootfs-only', 'real', target];
    const { status, stderr } = image(dir.path, ...words);
    assert.deepEqual([status, stderr], [64, `rkt-image: cannot write "${target}": it exists: try --overwrite\n`]);
    assert.ok(existsSync(join(target, 'precious')));
    assert.equal(image(dir.path, '--overwrite', ...words).status, 0);
    assert.deepEqual(readdirSync(target).toSorted(), ['a', 'hard', 'link', 'opaque', 'setuid']);
  },
);

test('rkt-image extract refuses a corrupt layer with 65 and leaves nothing behind', { skip }, () => {
  using dir = new TemporaryDirectory();
  const { layers } = addImage(dir.path, 'x', { texts: ['not a tar'] });
  const target = join(dir.path, 'target');
  const { status, stderr } = image(dir.path, 'extract', 'x', target);
  assert.equal(status, 65);
  assert.match(stderr, new RegExp(`^rkt-image: cannot unpack image "[^"]+": [^\n]*${layers[0]}[^\n]+\n$`));
  assert.equal(existsSync(target), false);
});

test('rkt-image extract refuses the root directory, even with --overwrite', () => {
  using dir = new TemporaryDirectory();
  addImage(dir.path, 'x');
  const { status, stderr } = image(dir.path, 'extract', '--overwrite', 'x', '/tmp/..');
  assert.equal(status, 64);
  assert.match(stderr, /cannot write "\/": it is the root directory of this machine\n$/);
});

test('rkt-image extract refuses a user to whom the directory does not belong, before it writes', { skip }, () => {
  using dir = new TemporaryDirectory();
  addImage(dir.path, 'x');
  chmodSync(dir.path, 0o755);
  const { status, stderr } = runBin('rkt-image', ['extract', 'x', '/tmp/rkt-none', `--dir=${dir.path}`], {
    user: 65534,
  });
  assert.equal(status, 77);
  assert.match(
    stderr,
    /^rkt-image: cannot unpack image "[^"]+": cannot prepare a pod in "[^"]+": it is not yours: wanted sudo, or another --dir\n$/,
  );
});
