// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { EXIT, Failure } from '@rkt/exit';
import { printPlan, type Op } from '@rkt/plan';
import {
  cgroupOps,
  podCgroupOps,
  podCgroups,
  readHierarchies,
  type CgroupInput,
  type CgroupOps,
  type Hierarchies,
  type PodCgroupOps,
} from '../src/index.ts';
import { hybrid, v1, v2 } from './machines.ts';

const NONE: Hierarchies = { unified: undefined, controllers: new Map(), cpusetRoot: {} };

function compile(hierarchies: Hierarchies, input: Partial<CgroupInput> = {}): CgroupOps {
  return cgroupOps({ hierarchies, pod: 'U', app: 'web', resources: {}, appFd: 45, ...input });
}

function compilePod(hierarchies: Hierarchies): PodCgroupOps {
  return podCgroupOps({ hierarchies, pod: 'U', supervisorFd: 6 });
}

function refused(input: Partial<CgroupInput>, message: string): void {
  assert.throws(
    () => compile(NONE, input),
    (error) => error instanceof Failure && error.status === EXIT.configuration && error.message === message,
  );
}

function refusesName(call: () => unknown): void {
  assert.throws(call, (error) => {
    return error instanceof Failure && /^cannot name a cgroup "[!-~]*": [ -~]+$/.test(error.message);
  });
}

function filledCpuset(path: string): string[] {
  return [
    `mkdir /sys/fs/cgroup/cpuset/${path} 0755`,
    `write /sys/fs/cgroup/cpuset/${path}/cpuset.cpus 0-7`,
    `write /sys/fs/cgroup/cpuset/${path}/cpuset.mems 0`,
  ];
}

function lines(ops: readonly Op[]): string[] {
  return printPlan(ops).trimEnd().split('\n');
}

test('cgroupOps() on v2 passes controllers down, limits the app, opens its cgroup', () => {
  const { make, openApp, joinApp, warnings } = compile(v2(), {
    resources: { memory: { limit: 4096 }, cpu: { shares: 1024 } },
  });
  assert.deepEqual(lines(make), [
    String.raw`write /sys/fs/cgroup/cgroup.subtree_control +memory\040+cpu\040+pids`,
    'mkdir /sys/fs/cgroup/rkt 0755',
    String.raw`write /sys/fs/cgroup/rkt/cgroup.subtree_control +memory\040+cpu\040+pids`,
    'mkdir /sys/fs/cgroup/rkt/U 0755',
    String.raw`write /sys/fs/cgroup/rkt/U/cgroup.subtree_control +memory\040+cpu\040+pids`,
    'mkdir /sys/fs/cgroup/rkt/U/app-web 0755',
    'write /sys/fs/cgroup/rkt/U/app-web/memory.max 4096',
    'write /sys/fs/cgroup/rkt/U/app-web/cpu.weight 100',
    'write /sys/fs/cgroup/rkt/U/app-web/pids.max 1024',
  ]);
  assert.deepEqual(lines(openApp), ['open 45 /sys/fs/cgroup/rkt/U/app-web O_RDONLY|O_DIRECTORY|O_CLOEXEC 0000']);
  assert.deepEqual([joinApp, warnings], [[], []]);
});

test('podCgroupOps() makes the cgroup of pid 1, which enters it by descriptor on v2 and by writing on v1', () => {
  const unified = compilePod(v2());
  assert.deepEqual(lines(unified.make), [
    'mkdir /sys/fs/cgroup/rkt 0755',
    'mkdir /sys/fs/cgroup/rkt/U 0755',
    'mkdir /sys/fs/cgroup/rkt/U/supervisor 0755',
    'open 6 /sys/fs/cgroup/rkt/U/supervisor O_RDONLY|O_DIRECTORY|O_CLOEXEC 0000',
  ]);
  assert.deepEqual(unified.joinPod, []);
  const { make, joinPod } = compilePod(v1());
  assert.ok(lines(make).includes('mkdir /sys/fs/cgroup/pids/rkt/U/supervisor 0755'));
  assert.deepEqual(lines(joinPod), ['write /sys/fs/cgroup/pids/rkt/U/supervisor/tasks 0']);
});

test('cgroupOps() on a hybrid machine joins v1 by writing, v2 by descriptor', () => {
  const { make, joinApp } = compile(hybrid(), { resources: { memory: { limit: 4096 } } });
  assert.deepEqual(lines(make), [
    'mkdir /cg/v2/rkt 0755',
    'mkdir /cg/v2/rkt/U 0755',
    'mkdir /cg/v2/rkt/U/app-web 0755',
    'mkdir /cg/memory/rkt 0755',
    'mkdir /cg/memory/rkt/U 0755',
    'mkdir /cg/memory/rkt/U/app-web 0755',
    'write /cg/memory/rkt/U/app-web/memory.limit_in_bytes 4096',
    String.raw`mkdir /cg/with\040space/rkt 0755`,
    String.raw`mkdir /cg/with\040space/rkt/U 0755`,
    String.raw`mkdir /cg/with\040space/rkt/U/app-web 0755`,
    String.raw`write /cg/with\040space/rkt/U/app-web/pids.max 1024`,
  ]);
  assert.deepEqual(lines(joinApp), [
    'write /cg/memory/rkt/U/app-web/tasks 0',
    String.raw`write /cg/with\040space/rkt/U/app-web/tasks 0`,
  ]);
});

test('cgroupOps() limits the pod above its apps', () => {
  const podResources = { memory: { limit: 8192 }, cpu: { quota: 5000, period: 10_000 } };
  const onV2 = lines(compile(v2(), { podResources }).make);
  assert.ok(onV2.includes(String.raw`write /sys/fs/cgroup/rkt/cgroup.subtree_control +memory\040+cpu\040+pids`));
  assert.ok(onV2.includes('write /sys/fs/cgroup/rkt/U/memory.max 8192'));
  assert.ok(onV2.includes(String.raw`write /sys/fs/cgroup/rkt/U/cpu.max 5000\0401` + '0000'));
  // On v1 a process counts only where it is: the app joins each hierarchy that limits the pod.
  const { make, joinApp } = compile(v1(), { podResources });
  assert.ok(lines(make).includes('write /sys/fs/cgroup/memory/rkt/U/memory.limit_in_bytes 8192'));
  assert.ok(lines(joinApp).includes('write /sys/fs/cgroup/memory/rkt/U/app-web/tasks 0'));
  assert.ok(lines(joinApp).includes('write /sys/fs/cgroup/cpu,cpuacct/rkt/U/app-web/tasks 0'));
  assert.ok(lines(compilePod(v1()).remove).includes('rmdir_after /sys/fs/cgroup/memory/rkt/U'));
  refused({ podResources }, 'cannot limit "memory.limit": this machine offers no memory controller');
});

test('cgroupOps() refuses what only v2 has where there is v1', () => {
  assert.throws(() => compile(v1(), { resources: { unified: { 'memory.oom.group': '1' } } }), {
    status: EXIT.configuration,
    message: 'cannot limit "unified.memory.oom.group": this machine offers no memory controller of cgroup v2',
  });
  const { make } = compile(v2(), { resources: { unified: { 'memory.oom.group': '1' } } });
  assert.ok(lines(make).includes('write /sys/fs/cgroup/rkt/U/app-web/memory.oom.group 1'));
});

test('cgroupOps() on v1 gives every level of a cpuset both lists before the app joins', () => {
  const { make, joinApp } = compile(v1(), { resources: { cpu: { cpus: '2' } } });
  const cpuset = lines(make).filter((line) => line.includes('/cpuset/'));
  assert.deepEqual(cpuset, [
    ...filledCpuset('rkt'),
    ...filledCpuset('rkt/U'),
    ...filledCpuset('rkt/U/app-web'),
    'write /sys/fs/cgroup/cpuset/rkt/U/app-web/cpuset.cpus 2',
  ]);
  assert.ok(lines(joinApp).includes('write /sys/fs/cgroup/cpuset/rkt/U/app-web/tasks 0'));
});

test('cgroupOps() on v1 keeps all processes of a pod in one hierarchy, whatever is limited', () => {
  for (const cpus of ['', '2']) {
    const { make, openApp, joinApp } = compile(v1(), { resources: { cpu: { cpus } } });
    assert.ok(lines(joinApp).includes('write /sys/fs/cgroup/pids/rkt/U/app-web/tasks 0'));
    assert.ok(make.every(({ op }) => op !== 'open'));
    assert.deepEqual(openApp, []);
  }
});

test('cgroupOps() on v1 with cpuset alone fills the cgroup of pid 1 too', () => {
  const mountinfo = '34 31 0:31 / /cpuset rw - cgroup cgroup rw,cpuset\n';
  const lists = { 'cpuset.cpus': '0-1', 'cpuset.mems': '0' };
  const hierarchies = readHierarchies({ mountinfo, controllers: '', cpusetRoot: lists });
  const { joinApp } = compile(hierarchies);
  const { make, joinPod } = compilePod(hierarchies);
  const written = lines(make);
  assert.deepEqual(lines(joinPod), ['write /cpuset/rkt/U/supervisor/tasks 0']);
  assert.deepEqual(lines(joinApp), ['write /cpuset/rkt/U/app-web/tasks 0']);
  assert.ok(written.includes('write /cpuset/rkt/U/supervisor/cpuset.cpus 0-1'));
  assert.ok(written.includes('write /cpuset/rkt/U/supervisor/cpuset.mems 0'));
});

test('cgroupOps() removes what it makes of a pod, each cgroup after those below it, and nothing of others', () => {
  for (const hierarchies of [v1(), v2(), hybrid()]) {
    const app = compile(hierarchies, { resources: { cpu: { cpus: '2' }, memory: { limit: 4096 } } });
    const pod = compilePod(hierarchies);
    const remove = [...app.remove, ...pod.remove];
    const made = [...pod.make, ...app.make].flatMap((op) =>
      op.op === 'mkdir' && op.path.includes('/rkt/U') ? [op.path] : [],
    );
    const removed = remove.map(({ path }) => path);
    for (const path of made) assert.ok(removed.includes(path), path);
    assert.ok(removed.every((path) => path.includes('/rkt/U')));
    for (const [index, path] of removed.entries())
      assert.ok(!removed.slice(index).some((later) => later.startsWith(`${path}/`)), path);
  }
});

test('cgroupOps() uses one v1 hierarchy once for two limits', () => {
  const { make, joinApp } = compile(v1(), { resources: { cpu: { shares: 2, quota: 1000 }, pids: { limit: 5 } } });
  assert.deepEqual(
    lines(make).filter((line) => line.includes('/cpu,cpuacct/') && line.startsWith('write')),
    ['cpu.shares 2', 'cpu.cfs_period_us 100000', 'cpu.cfs_quota_us 1000'].map(
      (rest) => `write /sys/fs/cgroup/cpu,cpuacct/rkt/U/app-web/${rest}`,
    ),
  );
  assert.equal(joinApp.length, 2);
});

test('cgroupOps() refuses a limit that was asked for where its controller is missing', () => {
  refused(
    { resources: { memory: { limit: 1 } } },
    'cannot limit "memory.limit": this machine offers no memory controller',
  );
  refused({ resources: { pids: { limit: 7 } } }, 'cannot limit "pids.limit": this machine offers no pids controller');
  refused(
    { resources: { pids: { limit: 1024 } }, explicit: ['pids.limit'] },
    'cannot limit "pids.limit": this machine offers no pids controller',
  );
});

test('cgroupOps() only warns where a default cannot be set', () => {
  const warning = 'cannot limit "pids.limit": this machine offers no pids controller';
  assert.deepEqual(compile(NONE), { make: [], openApp: [], remove: [], joinApp: [], warnings: [warning] });
  assert.deepEqual(compile(NONE, { resources: { pids: { limit: 1024 } } }).warnings, [warning]);
  assert.deepEqual(compile(NONE, { resources: { memory: { limit: 1 } }, explicit: [] }).warnings, [
    'cannot limit "memory.limit": this machine offers no memory controller',
    warning,
  ]);
});

test('cgroupOps() and podCgroups() refuse names that lead elsewhere', () => {
  const bad = fc.oneof(
    fc.constantFrom('..', '.', '', '../x', 'a/b', 'a\nb', 'a\0b', '/', 'a b', '-x', '.x', 'x'.repeat(65)),
    fc.string().filter((name) => /[^A-Za-z0-9._-]/.test(name)),
  );
  fc.assert(
    fc.property(bad, (name) => {
      refusesName(() => compile(v2(), { pod: name }));
      refusesName(() => compile(v1(), { app: name }));
      refusesName(() => podCgroups(name, v1()));
    }),
  );
});

test('cgroupOps() writes only below its prefix, but for passing controllers on', () => {
  const resources = { memory: { limit: 9, swap: 9 }, cpu: { shares: 5, quota: 2000, cpus: '0', mems: '0' } };
  for (const hierarchies of [v1(), v2()]) {
    const { make, joinApp } = compile(hierarchies, { resources });
    const pod = compilePod(hierarchies);
    for (const op of [...make, ...joinApp, ...pod.make, ...pod.joinPod]) {
      assert.ok('path' in op);
      assert.ok(
        /^\/sys\/fs\/cgroup(\/[a-z,]+)?\/rkt(\/|$)/.test(op.path) ||
          op.path === '/sys/fs/cgroup/cgroup.subtree_control',
      );
    }
  }
});
