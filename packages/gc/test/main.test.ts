// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { watch } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { makePod, runBin, startBin, TemporaryDirectory } from '@rkt/pod-fixtures';

const root = { skip: process.getuid?.() !== 0 && 'needs root' };
const AT_ONCE = '--grace-period=0';

test('rkt-gc collects an exited pod whose app has left links, deep paths and odd names', () => {
  using dir = new TemporaryDirectory();
  const canary = join(dir.path, 'canary');
  mkdirSync(canary);
  writeFileSync(join(canary, 'file'), 'alive');
  const pod = makePod(dir.path, { phase: 'run' });
  const upper = join(pod.path, 'apps', 'app', 'upper');
  symlinkSync(canary, join(upper, 'link'));
  for (const name of ['status', 'error', 'pod.json', 'volumes']) {
    rmSync(join(pod.path, name), { recursive: true, force: true });
    symlinkSync(canary, join(pod.path, name));
  }
  const deep = 'import os,sys\nos.chdir(sys.argv[1])\nfor i in range(40):\n os.mkdir("d"*200); os.chdir("d"*200)';
  execFileSync('python3', ['-c', deep, upper]);
  const { status, stdout } = runBin('rkt-gc', [AT_ONCE, `--dir=${dir.path}`]);
  assert.deepEqual([status, stdout], [0, `Garbage collecting pod "${pod.uuid}"\n`]);
  assert.deepEqual(readdirSync(join(dir.path, 'pods', 'garbage')), []);
  assert.equal(readFileSync(join(canary, 'file'), 'utf8'), 'alive');
});

test('rkt-gc unmounts what is mounted below a pod and leaves what was mounted there alive', root, () => {
  using dir = new TemporaryDirectory();
  const canary = join(dir.path, 'canary with space');
  mkdirSync(canary);
  writeFileSync(join(canary, 'file'), 'alive');
  const pod = makePod(dir.path, { phase: 'run' });
  const point = join(pod.path, 'apps', 'app', 'rootfs');
  execFileSync('mount', ['--bind', canary, point]);
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', point]);
  const { status, stderr } = runBin('rkt-gc', [AT_ONCE, `--dir=${dir.path}`]);
  assert.equal(status, 0, stderr);
  assert.equal(existsSync(pod.path), false);
  assert.deepEqual(readdirSync(join(dir.path, 'pods', 'exited-garbage')), []);
  assert.equal(readFileSync(join(canary, 'file'), 'utf8'), 'alive');
  assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(pod.uuid));
});

test('rkt-gc finds mounts also when its directory is reached through a symbolic link', root, () => {
  using dir = new TemporaryDirectory();
  const data = join(dir.path, 'data');
  mkdirSync(data);
  symlinkSync(data, join(dir.path, 'link'));
  const pod = makePod(data, { phase: 'run' });
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', join(pod.path, 'volumes')]);
  assert.equal(runBin('rkt-gc', [AT_ONCE, `--dir=${join(dir.path, 'link')}`]).status, 0);
  assert.deepEqual(readdirSync(join(data, 'pods', 'exited-garbage')), []);
  assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(pod.uuid));
});

test('rkt-gc --mark-only deletes nothing', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run' });
  const { status, stdout, stderr } = runBin('rkt-gc', ['--mark-only', AT_ONCE, `--dir=${dir.path}`]);
  assert.deepEqual([status, stdout, stderr], [0, '', `rkt-gc: moving pod "${pod.uuid}" to garbage\n`]);
  assert.deepEqual(readdirSync(join(dir.path, 'pods', 'exited-garbage')), [pod.uuid]);
});

test('rkt-gc frees the user ids of pods that are gone and keeps the others', () => {
  using dir = new TemporaryDirectory();
  const gone = makePod(dir.path, { phase: 'run' });
  const stays = makePod(dir.path, { phase: 'prepared' });
  const ranges = join(dir.path, 'ranges');
  mkdirSync(ranges);
  writeFileSync(join(ranges, '4096'), `${gone.uuid}\n`);
  writeFileSync(join(ranges, '4097'), `${stays.uuid}\n`);
  writeFileSync(join(ranges, 'README'), 'mine\n');
  assert.equal(runBin('rkt-gc', [AT_ONCE, `--dir=${dir.path}`]).status, 0);
  assert.deepEqual(readdirSync(ranges), ['4097', 'README']);
});

test('rkt-gc removes what a dead maker left of a tree and leaves unknown names alone', () => {
  using dir = new TemporaryDirectory();
  makePod(dir.path);
  const layers = join(dir.path, 'layers');
  const hex = 'ab'.repeat(32);
  for (const name of [hex, `.${hex}.0123456789ab.tmp`, '.other.tmp'])
    mkdirSync(join(layers, name, 'tree'), { recursive: true });
  assert.equal(runBin('rkt-gc', [`--dir=${dir.path}`]).status, 0);
  assert.deepEqual(readdirSync(layers), ['.other.tmp', hex]);
});

test('rkt-gc finishes what a killed one has begun, wherever it was killed', async () => {
  using dir = new TemporaryDirectory();
  for (const phase of ['exited-garbage', 'garbage'] as const) {
    const pod = makePod(dir.path, { phase: 'run' });
    for (let name = 0; name < 2000; name++) writeFileSync(join(pod.path, 'apps', 'app', 'upper', String(name)), '');
    await using begun = startBin('rkt-gc', [AT_ONCE, `--dir=${dir.path}`]);
    for await (const _ of watch(join(dir.path, 'pods', phase))) break;
    begun.child.kill('SIGKILL');
    await begun.ended();
    assert.equal(runBin('rkt-list', [`--dir=${dir.path}`]).status, 0);
    assert.equal(runBin('rkt-gc', [AT_ONCE, `--dir=${dir.path}`]).status, 0);
    assert.deepEqual(
      readdirSync(join(dir.path, 'pods')).flatMap((name) => readdirSync(join(dir.path, 'pods', name))),
      [],
    );
  }
});

test('rkt-gc does nothing where there is no data directory', () => {
  using dir = new TemporaryDirectory();
  const { status, stdout, stderr } = runBin('rkt-gc', [`--dir=${join(dir.path, 'none')}`]);
  assert.deepEqual([status, stdout, stderr], [0, '', '']);
  assert.equal(existsSync(join(dir.path, 'none')), false);
});

test('rkt-gc refuses operands and malformed durations with 64 before it touches anything', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run' });
  for (const word of [pod.uuid, '--grace-period=5', '--expire-prepared=x', '--grace-period=']) {
    const { status, stderr } = runBin('rkt-gc', [`--dir=${dir.path}`, word]);
    assert.equal(status, 64, word);
    assert.match(stderr, /^rkt-gc: [^\n]+\n$/);
  }
  assert.ok(existsSync(pod.path));
});

test('rkt-gc refuses an ordinary user the pods of root with 77', root, () => {
  using dir = new TemporaryDirectory();
  makePod(dir.path, { phase: 'run' });
  chmodSync(dir.path, 0o755);
  const { status, stderr } = runBin('rkt-gc', [`--dir=${dir.path}`], { user: 65534 });
  assert.deepEqual([status, stderr], [77, `rkt-gc: cannot collect pods in "${dir.path}": not root: wanted sudo\n`]);
});
