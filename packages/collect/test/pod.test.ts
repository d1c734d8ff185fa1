// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hostHierarchies, podCgroups } from '@rkt/cgroups';
import { holdLock, makePod, TemporaryDirectory } from '@rkt/pod-fixtures';
import { claim, deletePod, releaseUnusedRanges, unmountBelow } from '../src/index.ts';

const root = { skip: process.getuid?.() !== 0 && 'needs root' };

test('claim() takes the lock of a pod that nobody uses, and of no other', async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run' });
  {
    await using holder = await holdLock(pod.path);
    assert.ok(holder.child.pid);
    assert.equal(claim(pod), undefined);
  }
  {
    using lock = claim(pod);
    assert.ok(lock);
    assert.equal(claim(pod), undefined);
  }
  renameSync(pod.path, join(dir.path, 'pods', 'garbage', pod.uuid));
  assert.equal(claim(pod), undefined);
  symlinkSync('/etc', pod.path);
  assert.equal(claim(pod), undefined);
});

test('deletePod() can be repeated after it was cut off in the middle', async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run' });
  const garbage = { ...pod, phase: 'garbage' as const, path: join(dir.path, 'pods', 'garbage', pod.uuid) };
  renameSync(pod.path, garbage.path);
  rmSync(join(garbage.path, 'pod.json'));
  await deletePod(dir.path, garbage);
  assert.deepEqual(readdirSync(join(dir.path, 'pods', 'garbage')), []);
});

test('deletePod() kills what is left in the cgroups of the pod and removes them', root, async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run' });
  const cgroup = join(hostHierarchies().unified ?? '/sys/fs/cgroup/pids', 'rkt', pod.uuid, 'app-app');
  mkdirSync(cgroup, { recursive: true });
  await using survivor = await holdLock(join(dir.path, 'pods'));
  writeFileSync(join(cgroup, 'cgroup.procs'), String(survivor.child.pid));
  await deletePod(dir.path, pod);
  assert.equal(await survivor.ended(), 'SIGKILL');
  assert.deepEqual(podCgroups(pod.uuid), []);
  assert.equal(existsSync(pod.path), false);
});

test('unmountBelow() detaches stacked, hidden and busy mounts, and nothing beside them', root, async () => {
  using dir = new TemporaryDirectory();
  const [inside, beside] = [join(dir.path, 'pod', 'a'), join(dir.path, 'pod-beside')];
  for (const path of [inside, beside]) mkdirSync(path, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', beside]);
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', inside]);
  mkdirSync(join(inside, 'deep er'));
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', join(inside, 'deep er')]);
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', inside]);
  {
    await using busy = await holdLock(inside);
    assert.ok(busy.child.pid);
    unmountBelow(join(dir.path, 'pod'));
  }
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
  execFileSync('umount', [beside]);
  assert.doesNotMatch(mounts, new RegExp(`${dir.path}/pod/`));
  assert.match(mounts, new RegExp(`${dir.path}/pod-beside `));
});

test('releaseUnusedRanges() frees the ranges of pods that are in no phase', () => {
  using dir = new TemporaryDirectory();
  const pods = (['embryo', 'prepare', 'garbage'] as const).map((phase) => makePod(dir.path, { phase }));
  mkdirSync(join(dir.path, 'ranges'));
  for (const [index, { uuid }] of pods.entries()) writeFileSync(join(dir.path, 'ranges', String(index)), `${uuid}\n`);
  rmSync(pods[0]?.path ?? '', { recursive: true });
  releaseUnusedRanges(dir.path);
  assert.deepEqual(readdirSync(join(dir.path, 'ranges')), ['1', '2']);
});
