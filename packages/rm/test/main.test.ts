// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { holdLock, makePod, runBin, TemporaryDirectory } from '@rkt/pod-fixtures';
import { PHASES } from '@rkt/pods';

const root = { skip: process.getuid?.() !== 0 && 'needs root' };

function podsIn(dir: string): string[] {
  return PHASES.flatMap((phase) => readdirSync(join(dir, 'pods', phase)));
}

test('rkt-rm removes exited, marked, prepared and half prepared pods at once', () => {
  using dir = new TemporaryDirectory();
  const pods = (['run', 'exited-garbage', 'prepared', 'prepare'] as const).map((phase) => makePod(dir.path, { phase }));
  const { status, stdout, stderr } = runBin('rkt-rm', [`--dir=${dir.path}`, ...pods.map(({ uuid }) => uuid)]);
  assert.deepEqual([status, stderr], [0, '']);
  assert.equal(stdout, pods.map(({ uuid }) => `"${uuid}"\n`).join(''));
  assert.deepEqual(podsIn(dir.path), []);
});

test('rkt-rm refuses pods that are in use with 75, says why, and removes the others', async () => {
  using dir = new TemporaryDirectory();
  const running = makePod(dir.path, { phase: 'run' });
  const preparing = makePod(dir.path, { phase: 'prepare' });
  const deleting = makePod(dir.path, { phase: 'exited-garbage' });
  const exited = makePod(dir.path, { phase: 'run' });
  await using one = await holdLock(running.path);
  await using two = await holdLock(preparing.path);
  await using three = await holdLock(deleting.path);
  assert.ok(one.child.pid && two.child.pid && three.child.pid);
  const uuids = [running, preparing, deleting, exited].map(({ uuid }) => uuid);
  const { status, stdout, stderr } = runBin('rkt-rm', [`--dir=${dir.path}`, ...uuids]);
  assert.deepEqual([status, stdout], [75, `"${exited.uuid}"\n`]);
  assert.equal(
    stderr,
    `rkt-rm: cannot remove pod "${running.uuid}": it is currently running: stop it first
rkt-rm: cannot remove pod "${preparing.uuid}": it is being prepared
rkt-rm: cannot remove pod "${deleting.uuid}": it is being deleted
`,
  );
  assert.deepEqual(podsIn(dir.path).toSorted(), uuids.slice(0, 3).toSorted());
});

test('rkt-rm takes the UUID from a file and frees the ids of the pod', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run' });
  writeFileSync(join(dir.path, 'uuid'), pod.uuid);
  mkdirSync(join(dir.path, 'ranges'));
  writeFileSync(join(dir.path, 'ranges', '4096'), `${pod.uuid}\n`);
  assert.equal(runBin('rkt-rm', [`--dir=${dir.path}`, `--uuid-file=${join(dir.path, 'uuid')}`]).status, 0);
  assert.deepEqual(readdirSync(join(dir.path, 'ranges')), []);
});

test('rkt-rm leaves what is mounted below a pod alive', root, () => {
  using dir = new TemporaryDirectory();
  const canary = join(dir.path, 'canary');
  mkdirSync(canary);
  writeFileSync(join(canary, 'file'), 'alive');
  const pod = makePod(dir.path, { phase: 'run' });
  execFileSync('mount', ['--bind', canary, join(pod.path, 'volumes')]);
  assert.equal(runBin('rkt-rm', [`--dir=${dir.path}`, pod.uuid]).status, 0);
  assert.deepEqual(podsIn(dir.path), []);
  assert.equal(readFileSync(join(canary, 'file'), 'utf8'), 'alive');
});

test('rkt-rm refuses unknown, ambiguous and missing UUIDs and touches nothing', () => {
  using dir = new TemporaryDirectory();
  const pods = ['aa', 'ab'].map((uuid) => makePod(dir.path, { uuid, phase: 'run' }));
  for (const [operands, wanted] of [
    [['ff'], 66],
    [['a'], 64],
    [['../../x'], 64],
    [[], 64],
  ] as const) {
    const { status, stdout, stderr } = runBin('rkt-rm', [`--dir=${dir.path}`, ...operands]);
    assert.deepEqual([status, stdout], [wanted, ''], operands.join());
    assert.match(stderr, /^rkt-rm: cannot find pod[^\n]+\n$/);
  }
  assert.ok(pods.every(({ path }) => existsSync(path)));
});

test('rkt-rm refuses an ordinary user the pods of root with 77', root, () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run' });
  chmodSync(dir.path, 0o755);
  const { status, stderr } = runBin('rkt-rm', [`--dir=${dir.path}`, pod.uuid], { user: 65534 });
  assert.deepEqual([status, stderr], [77, `rkt-rm: cannot remove pods in "${dir.path}": not root: wanted sudo\n`]);
});
