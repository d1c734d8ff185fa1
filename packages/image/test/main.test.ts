// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runBin, TemporaryDirectory, type Result } from '@rkt/pod-fixtures';
import { addImage, blobPath, readIndex } from './fixture.ts';

const HOUR_MS = 3_600_000;

function image(dir: string, ...words: readonly string[]): Result {
  return runBin('rkt-image', [...words, `--dir=${dir}`]);
}

test('rkt-image list prints the columns of rkt, short and full', () => {
  using dir = new TemporaryDirectory();
  const { id } = addImage(dir.path, 'docker.io/library/busybox:latest', { ageMs: 2 * HOUR_MS });
  const short = image(dir.path, 'list');
  assert.equal(short.status, 0);
  const [legend = '', row = ''] = short.stdout.trimEnd().split('\n');
  assert.deepEqual(legend.split(/\t+/), ['ID', 'NAME', 'SIZE', 'IMPORT TIME', 'LAST USED']);
  const [shortId, name, size, , used] = row.split(/\t+/);
  assert.deepEqual([shortId, name, used], [id.slice(0, 19), 'docker.io/library/busybox:latest', '2 hours ago']);
  assert.match(size ?? '', /^\d+B$/);
  const full = image(dir.path, 'list', '--full', '--no-legend', '--fields=id,importtime');
  assert.equal(full.stdout, `${id}\t2026-01-02 03:04:05 +0000 UTC\n`);
});

test('rkt-image list sorts upwards and downwards', () => {
  using dir = new TemporaryDirectory();
  addImage(dir.path, 'b', { texts: ['x'.repeat(1000)] });
  addImage(dir.path, 'a', { texts: ['y'] });
  const names = (...words: string[]) =>
    image(dir.path, 'list', '--no-legend', '--fields=name', ...words)
      .stdout.trimEnd()
      .split('\n')
      .join('');
  assert.equal(names('--sort=name'), 'ab');
  assert.equal(names('--sort=name', '--order=desc'), 'ba');
  assert.equal(names('--sort=size'), 'ab');
  assert.equal(names('--sort=size', '--order=desc'), 'ba');
});

test('rkt-image list prints JSON that begins as that of rkt, and no escapes that a terminal obeys', () => {
  using dir = new TemporaryDirectory();
  const { id } = addImage(dir.path, 'x\u001b[2J\u009b\u202e');
  const { stdout } = image(dir.path, 'list', '--format=json');
  assert.match(stdout, /^\[\{"id":"sha256:/);
  assert.partialDeepStrictEqual(JSON.parse(stdout), [{ id, import_time: 1767323045000000000 }]);
  assert.match(image(dir.path, 'list', '--format=json-pretty').stdout, /"id": "/);
  for (const words of [['--format=json'], ['--format=json-pretty'], ['--full'], []]) {
    assert.doesNotMatch(image(dir.path, 'list', ...words).stdout, /[\u001b\u009b\u202e]/);
  }
});

test('rkt-image list prints the legend alone when nothing has been fetched', () => {
  using dir = new TemporaryDirectory();
  assert.deepEqual(image(dir.path, 'list'), {
    status: 0,
    stdout: 'ID\tNAME\tSIZE\tIMPORT TIME\tLAST USED\n',
    stderr: '',
  });
  assert.equal(image(dir.path, 'list', '--format=json').stdout, '[]\n');
});

test('rkt-image cat-manifest prints the stored bytes, indented JSON, and the configuration', () => {
  using dir = new TemporaryDirectory();
  const { id, config } = addImage(dir.path, 'name');
  const stored = readFileSync(blobPath(dir.path, id), 'utf8');
  assert.equal(image(dir.path, 'cat-manifest', '--pretty-print=false', 'name').stdout, `${stored}\n`);
  const pretty = image(dir.path, 'cat-manifest', id.slice(0, 15));
  assert.match(pretty.stdout, /^\{\n\t"schemaVersion": 2,/);
  assert.deepEqual(JSON.parse(pretty.stdout), JSON.parse(stored));
  const configuration = image(dir.path, 'cat-manifest', '--config', id);
  assert.deepEqual(JSON.parse(configuration.stdout), JSON.parse(readFileSync(blobPath(dir.path, config), 'utf8')));
});

test('rkt-image rm removes an image once that is named twice, and refuses unknown ones with 66', () => {
  using dir = new TemporaryDirectory();
  const { id, layers } = addImage(dir.path, 'one', { texts: ['one', 'shared'], ageMs: 2 * HOUR_MS });
  const other = addImage(dir.path, 'two', { texts: ['shared'], ageMs: 2 * HOUR_MS });
  const { status, stdout, stderr } = image(dir.path, 'rm', 'one', id, `sha256:${'0'.repeat(64)}`);
  assert.equal(status, 66);
  assert.equal(stdout, `successfully removed image: "${id}"\n`);
  assert.match(stderr, /^rkt-image: cannot find image [^\n]+\nrkt-image: 1 image\(s\) successfully removed\n$/);
  assert.equal(readIndex(join(dir.path, 'store')).length, 1);
  assert.deepEqual(
    [...layers, id, other.id].map((digest) => existsSync(blobPath(dir.path, digest))),
    [false, true, false, true],
  );
});

test('rkt-image gc removes old blobs that nothing needs and unpacked layers that nobody needs', () => {
  using dir = new TemporaryDirectory();
  const kept = addImage(dir.path, 'kept', { texts: ['base', 'top'], ageMs: 48 * HOUR_MS });
  const unused = `sha256:${'12'.repeat(32)}`;
  for (const tree of [...kept.trees, '34'.repeat(32)])
    execFileSync('mkdir', ['-p', join(dir.path, 'layers', tree, 'tree')]);
  writeFileSync(blobPath(dir.path, unused), 'x');
  const young = image(dir.path, 'gc');
  assert.deepEqual([young.status, young.stdout, young.stderr], [0, '', '']);
  assert.ok(existsSync(blobPath(dir.path, unused)));
  const { status, stderr } = image(dir.path, 'gc', '--grace-period=0');
  assert.equal(status, 0);
  assert.match(
    stderr,
    new RegExp(`^rkt-image: removed layer "sha256:(34){32}"\nrkt-image: removed blob "${unused}" \\(1B\\)\n$`),
  );
  assert.deepEqual(readdirSync(join(dir.path, 'layers')).toSorted(), kept.trees.toSorted());
  assert.equal(image(dir.path, 'check', 'kept').status, 0);
});

test('rkt-image export writes an archive that skopeo reads, and does not overwrite unless told', () => {
  using dir = new TemporaryDirectory();
  const { id } = addImage(dir.path, 'docker.io/library/x:1');
  const file = join(dir.path, 'x.tar');
  assert.equal(image(dir.path, 'export', 'docker.io/library/x:1', file).status, 0);
  const inspected: unknown = JSON.parse(
    execFileSync('skopeo', ['inspect', `oci-archive:${file}`], { encoding: 'utf8' }),
  );
  assert.partialDeepStrictEqual(inspected, { Digest: id });
  const before = statSync(file).ino;
  const { status, stderr } = image(dir.path, 'export', id, file);
  assert.deepEqual([status, stderr], [64, `rkt-image: cannot write "${file}": it exists: try --overwrite\n`]);
  assert.equal(image(dir.path, 'export', '--overwrite', id, file).status, 0);
  assert.notEqual(statSync(file).ino, before);
  assert.deepEqual(readdirSync(dir.path).toSorted(), ['store', 'x.tar']);
});

test('rkt-image export leaves nothing behind when a blob is missing', () => {
  using dir = new TemporaryDirectory();
  const { layers } = addImage(dir.path, 'x');
  rmSync(blobPath(dir.path, layers[0] ?? ''));
  const { status, stderr } = image(dir.path, 'export', 'x', join(dir.path, 'x.tar'));
  assert.equal(status, 66);
  assert.match(stderr, /^rkt-image: cannot open blob [^\n]+\n$/);
  assert.deepEqual(readdirSync(dir.path), ['store']);
});

test('rkt-image check tells corrupt and missing blobs, with 65', () => {
  using dir = new TemporaryDirectory();
  const { id, config, layers } = addImage(dir.path, 'x', { texts: ['one', 'two'] });
  const healthy = image(dir.path, 'check');
  assert.deepEqual([healthy.status, healthy.stdout.match(/\tok$/gm)?.length], [0, 4]);
  writeFileSync(blobPath(dir.path, layers[0] ?? ''), 'uno');
  rmSync(blobPath(dir.path, layers[1] ?? ''));
  for (const words of [[], ['x'], [id]]) {
    const { status, stdout, stderr } = image(dir.path, 'check', ...words);
    assert.equal(status, 65);
    const states = new Map(
      stdout
        .trimEnd()
        .split('\n')
        .map((line): [string, string] => [line.split('\t')[0] ?? '', line.split('\t')[1] ?? '']),
    );
    assert.deepEqual(
      [id, config, ...layers].map((digest) => states.get(digest)),
      ['ok', 'ok', 'corrupt', 'missing'],
    );
    assert.equal(stderr, 'rkt-image: cannot trust 2 of 4 blobs: wanted rkt fetch --check docker://x\n');
  }
});

test('rkt-image check of an image looks at its configuration, also when that is damaged', () => {
  using dir = new TemporaryDirectory();
  const { config } = addImage(dir.path, 'x', { texts: ['one'] });
  writeFileSync(blobPath(dir.path, config), '{}');
  const { status, stdout } = image(dir.path, 'check', 'x');
  assert.equal(status, 65);
  assert.match(stdout, new RegExp(`^${config}\tcorrupt$`, 'm'));
});

test('rkt-image check does not follow a blob that is a symbolic link', () => {
  using dir = new TemporaryDirectory();
  const { layers } = addImage(dir.path, 'x');
  const path = blobPath(dir.path, layers[0] ?? '');
  rmSync(path);
  symlinkSync('/etc/hostname', path);
  assert.match(image(dir.path, 'check').stdout, /\tcorrupt\n/);
});

test('rkt-image takes commands cut short, and options before the command', () => {
  using dir = new TemporaryDirectory();
  const { id } = addImage(dir.path, 'x');
  assert.match(
    runBin('rkt-image', ['--full', '--dir', dir.path, '--sort', 'name', 'li', '--no-legend']).stdout,
    new RegExp(`^${id}\t`),
  );
});

test('rkt-image refuses wrong usage with 64', () => {
  using dir = new TemporaryDirectory();
  addImage(dir.path, 'x');
  for (const words of [
    [],
    ['nonsense'],
    ['c'],
    ['list', 'x'],
    ['list', '--fields=colour'],
    ['list', '--rootfs-only'],
    ['rm'],
    ['export', 'x'],
    ['cat-manifest'],
    ['cat-manifest', 'x', 'x'],
    ['cat-manifest', 'Not A Reference'],
    ['gc', '--grace-period=1'],
  ]) {
    const { status, stdout, stderr } = image(dir.path, ...words);
    assert.deepEqual([status, stdout], [64, ''], words.join(' '));
    assert.match(stderr, /^rkt-image: [^\n]+\n$/);
  }
});

test('rkt-image refuses images that are not in the store with 66', () => {
  using dir = new TemporaryDirectory();
  for (const words of [
    ['cat-manifest', 'docker://x'],
    ['rm', 'docker://x'],
    ['check', 'docker://x'],
    ['export', 'docker://x', '/tmp/none.tar'],
  ]) {
    const { status, stderr } = image(dir.path, ...words);
    assert.equal(status, 66, words.join(' '));
    assert.match(stderr, /^rkt-image: cannot open store [^\n]+\n$/);
  }
  addImage(dir.path, 'x');
  assert.equal(image(dir.path, 'cat-manifest', 'docker://y').status, 66);
});

test(
  'rkt-image reads the store of root as an ordinary user, and does not change it',
  {
    skip: process.getuid?.() !== 0 && 'needs root',
  },
  () => {
    using dir = new TemporaryDirectory();
    const { id } = addImage(dir.path, 'x');
    chmodSync(dir.path, 0o755);
    const as = (...words: string[]) => runBin('rkt-image', [...words, `--dir=${dir.path}`], { user: 65534 });
    assert.match(as('list', '--full').stdout, new RegExp(id));
    assert.equal(as('check').status, 0);
    const { status, stderr } = as('rm', 'x');
    assert.equal(status, 77);
    assert.match(stderr, /^rkt-image: cannot [^\n]+\n$/);
    assert.equal(readIndex(join(dir.path, 'store')).length, 1);
  },
);
