// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePod, type PodManifest } from '@rkt/formats';
import { parsePlan, printPlan } from '@rkt/plan';
import { enterWithoutRoot, podWithoutRoot, withoutRoot } from '../src/without-root.ts';

const owner = {
  uid: 1000,
  gid: 1000,
  uidMap: [
    { inside: 0, outside: 1000, count: 1 },
    { inside: 1, outside: 100_000, count: 65_536 },
  ],
  gidMap: [
    { inside: 0, outside: 1000, count: 1 },
    { inside: 1, outside: 300_000, count: 100 },
    { inside: 101, outside: 200_000, count: 65_436 },
  ],
};
const alone = { uid: 1000, gid: 1000, uidMap: owner.uidMap.slice(0, 1), gidMap: owner.gidMap.slice(0, 1) };

function manifest(change: Partial<PodManifest> = {}): PodManifest {
  const text = {
    version: 1, uuid: '11111111-1111-4111-8111-111111111111', created: 0, mutable: false, hostname: 'h', network: 'none', owner,
    userNamespace: { first: 1, count: 65_536 }, insecureOptions: [], volumes: [], apps: [], ...change,
  }; // prettier-ignore
  return parsePod(JSON.stringify(text), 'pod.json');
}

/** The lines that a plan of these lines becomes. */
function translated(lines: readonly string[], pod = manifest()): string[] {
  const plan = parsePlan(lines.map((line) => `${line}\n`).join(''), 'plan');
  return printPlan(withoutRoot(pod, plan)).trimEnd().split('\n');
}

test('withoutRoot() leaves the plans of root as they are', () => {
  const lines = ['setgroups', 'mknod /dev/null S_IFCHR 0666 1 3', 'mount_setattr 5 0 MOUNT_ATTR_IDMAP 0 0 10'];
  assert.deepEqual(translated(lines, manifest({ owner: undefined })), lines);
});

test('withoutRoot() maps no file system, and keeps every other attribute of a mount', () => {
  assert.deepEqual(
    translated(['mount_setattr 5 AT_RECURSIVE MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID|MOUNT_ATTR_IDMAP 0 MS_PRIVATE 10']),
    ['mount_setattr 5 AT_RECURSIVE MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID 0 MS_PRIVATE -'],
  );
});

test('withoutRoot() lets overlayfs use attributes of the user, and no other file system', () => {
  assert.deepEqual(
    translated([
      'mount overlay rootfs overlay MS_NOSUID|MS_NODEV lowerdir=a',
      'mount tmpfs /tmp tmpfs MS_NOSUID size=1m',
    ]),
    [
      'mount overlay rootfs overlay MS_NOSUID|MS_NODEV lowerdir=a,userxattr',
      'mount tmpfs /tmp tmpfs MS_NOSUID size=1m',
    ],
  );
});

test('withoutRoot() keeps the mounts of the host until proc, sys and devices are there, and no longer', () => {
  const shown = translated([
    'chdir rootfs',
    'pivot_root . .',
    'umount2 . MNT_DETACH',
    'chdir /',
    'mount proc /proc proc MS_NOSUID ""',
    'mknod /dev/null S_IFCHR 0666 1 3',
    'mount sysfs /sys sysfs MS_RDONLY ""',
    'mount /dev/null /proc/kcore "" MS_BIND ""',
  ]);
  assert.deepEqual(shown, [
    'chdir rootfs',
    'open 15 / O_PATH|O_DIRECTORY|O_CLOEXEC 0000',
    'pivot_root . .',
    'chdir /',
    'mount proc /proc proc MS_NOSUID ""',
    'open_tree 18 15 dev/null OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC',
    'mount_setattr 18 0 MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID|MOUNT_ATTR_NOEXEC 0 MS_PRIVATE -',
    'creat /dev/null 0666',
    'move_mount 18 AT_FDCWD /dev/null',
    'mount sysfs /sys sysfs MS_RDONLY ""',
    'umount2 . MNT_DETACH',
    'close 15',
    'mount /dev/null /proc/kcore "" MS_BIND ""',
  ]);
});

test('withoutRoot() gives a pod the ids of its owner, and the owner itself only with files of it', () => {
  const line = 'namespaces CLONE_NEWUSER|CLONE_NEWUTS 10 0:1:65536 0:1:65536';
  assert.deepEqual(translated([line]), ['namespaces CLONE_NEWUSER|CLONE_NEWUTS 10 0:1:65536 0:1:100,100:101:65436']);
  const volume = { kind: 'host', name: 'v', source: '/srv', isFile: false, readOnly: true, recursive: true } as const;
  assert.deepEqual(translated([line], manifest({ volumes: [volume] })), [
    'namespaces CLONE_NEWUSER|CLONE_NEWUTS 10 0:1:65536,65536:0:1 0:1:100,100:101:65436,65536:0:1',
  ]);
  assert.deepEqual(translated([line], manifest({ owner: alone })), [
    'namespaces CLONE_NEWUSER|CLONE_NEWUTS 10 0:0:1 0:0:1',
  ]);
});

test('withoutRoot() gives up groups wherever the kernel lets it', () => {
  assert.deepEqual(translated(['setgroups 5', 'umask 0022']), ['setgroups 5', 'umask 0022']);
  assert.deepEqual(translated(['setgroups 5', 'umask 0022'], manifest({ owner: alone })), ['umask 0022']);
});

test('withoutRoot() names the groups that may ping in the order of their numbers on the host', () => {
  const line = 'write /proc/sys/net/ipv4/ping_group_range 1\\04065536';
  assert.deepEqual(translated([line]), ['write /proc/sys/net/ipv4/ping_group_range 101\\040100']);
});

test('withoutRoot() writes to files of its own process, and to others, as before', () => {
  assert.deepEqual(translated(['write /proc/self/oom_score_adj 5', 'write /sys/x 1']), [
    'prctl PR_SET_DUMPABLE 1',
    'write /proc/self/oom_score_adj 5',
    'prctl PR_SET_DUMPABLE 0',
    'write /sys/x 1',
  ]);
});

test('podWithoutRoot() enters the namespace of the owner before the first operation', () => {
  const lines = podWithoutRoot(manifest(), [
    { op: '#', text: 'pod' },
    { op: 'umask', mode: 0o022 },
  ]);
  assert.deepEqual(
    lines.map(({ op }) => op),
    ['#', '#', 'unshare_user', 'umask'],
  );
  assert.deepEqual(lines[2], { op: 'unshare_user', uid_map: owner.uidMap, gid_map: owner.gidMap });
});

test('enterWithoutRoot() joins the namespace of the owner by the parent of the pod, and not the network of the host', () => {
  const lines = parsePlan('setns 22 CLONE_NEWNET|CLONE_NEWUTS\n', 'plan');
  const show = (pod: PodManifest) =>
    printPlan(enterWithoutRoot(pod, [{ op: '#', text: 'title' }, ...lines], 77))
      .trimEnd()
      .split('\n')
      .filter((line) => !line.startsWith('#'));
  const join = ['pidfd_open 14 77 77', 'setns 14 CLONE_NEWUSER'];
  assert.deepEqual(show(manifest()), [...join, 'setns 22 CLONE_NEWNET|CLONE_NEWUTS']);
  assert.deepEqual(show(manifest({ network: 'host' })), [...join, 'setns 22 CLONE_NEWUTS']);
  assert.deepEqual(show(manifest({ owner: undefined, network: 'host' })), ['setns 22 CLONE_NEWNET|CLONE_NEWUTS']);
});
