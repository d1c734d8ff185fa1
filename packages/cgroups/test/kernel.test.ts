// SPDX-License-Identifier: Apache-2.0
// What the kernel makes of the operations, on whatever hierarchies the machine has. Also run in a machine with v2 only:
// test/vm/cgroups.test.ts.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { suite, test } from 'node:test';
import { killPod, podCgroups, processesOf, removePodCgroups, usage } from '../src/index.ts';
import { offered } from '../src/hierarchies.ts';
import { shellOf } from './execute.ts';
import { cannotWrite, host, lacks, TestPod, until } from './test-pod.ts';

suite('cgroups of this machine', { skip: process.getuid?.() === 0 ? cannotWrite() : 'not root' }, () => {
  test('cgroupOps() limits memory: the kernel kills', { skip: lacks('memory') }, async () => {
    await using pod = new TestPod({ memory: { limit: 16 << 20, swap: 16 << 20 } });
    assert.equal(pod.file('memory', 'memory.limit_in_bytes', 'memory.max'), String(16 << 20));
    assert.equal(pod.run('exec dd if=/dev/zero of=/dev/null bs=4M count=1').status, 0);
    assert.equal(pod.run('exec dd if=/dev/zero of=/dev/null bs=64M count=1').signal, 'SIGKILL');
    assert.match(pod.file('memory', 'memory.oom_control', 'memory.events'), /^oom_kill [1-9]/m);
  });

  test('cgroupOps() limits processes: the kernel refuses fork', { skip: lacks('pids') }, async () => {
    await using pod = new TestPod({ pids: { limit: 3 } });
    const many = [1, 2, 3].map(() => 'sleep 1000 </dev/null >/dev/null 2>&1 & ').join('');
    const { status, stderr } = pod.run(`${many} exit 0`);
    assert.notEqual(status, 0);
    assert.match(String(stderr), /fork/);
    assert.match(pod.file('pids', 'pids.events'), /^max [1-9]/m);
    assert.equal(processesOf({ pod: pod.uuid }).length, 2);
    assert.equal(usage(pod.uuid, 'app').pids, 2);
  });

  test('cgroupOps() limits processes to 1024 by default', { skip: lacks('pids') }, async () => {
    await using pod = new TestPod({});
    assert.equal(pod.file('pids', 'pids.max'), '1024');
    assert.deepEqual(pod.ops.warnings, []);
  });

  test('cgroupOps() limits CPU time: the kernel throttles', { skip: lacks('cpu') }, async () => {
    await using pod = new TestPod({ cpu: { quota: 10_000, period: 100_000, shares: 512 } });
    const isV1 = host.controllers.get('cpu')?.version === 1;
    assert.equal(pod.file('cpu', 'cpu.cfs_quota_us', 'cpu.max'), isV1 ? '10000' : '10000 100000');
    assert.equal(pod.file('cpu', 'cpu.shares', 'cpu.weight'), isV1 ? '512' : '59');
    await pod.start('while :; do :; done');
    await until(() => /^nr_throttled [1-9]/m.test(pod.file('cpu', 'cpu.stat')));
    if (host.unified !== undefined) assert.ok((usage(pod.uuid, 'app').cpuUsec ?? 0) > 0);
  });

  test('cgroupOps() keeps an app on its CPUs', { skip: lacks('cpuset') }, async () => {
    await using pod = new TestPod({ cpu: { cpus: '0' } });
    assert.match(String(pod.run('exec cat /proc/self/status').stdout), /^Cpus_allowed_list:\s+0$/m);
  });

  // Where pids is on v1 there is nothing to offer; test/vm runs this on a machine that has it on v2.
  if (host.controllers.get('pids')?.version === 2) {
    test('offered() leaves out what an occupied cgroup cannot pass on', async () => {
      await using pod = new TestPod({});
      const own = podCgroups(pod.uuid).find((path) => path.endsWith('/app-app')) ?? '';
      assert.equal(offered(own).trim(), 'pids');
      await pod.start('exec sleep 1000');
      assert.equal(offered(own).trim(), '');
      assert.match(offered(host.unified ?? ''), /pids/);
    });
  }

  test('usage() counts the memory of an app', { skip: lacks('memory') }, async () => {
    await using pod = new TestPod({ memory: { limit: 64 << 20 } });
    await pod.start('exec sleep 1000');
    const { memoryBytes = 0 } = usage(pod.uuid, 'app');
    assert.ok(memoryBytes > 0 && memoryBytes <= 64 << 20, String(memoryBytes));
    assert.deepEqual(usage(pod.uuid, 'other'), {});
  });

  test('killPod() ends processes that fork all the time', async () => {
    await using pod = new TestPod({ pids: { limit: 32 } });
    const child = await pod.start('while :; do (:); (:) & done');
    const ended = once(child, 'exit');
    await killPod(pod.uuid);
    assert.deepEqual(processesOf({ pod: pod.uuid }), []);
    assert.deepEqual(await ended, [null, 'SIGKILL']);
  });

  const v1 = [...host.controllers].filter(([, { version }]) => version === 1);
  const skip = v1.length === 0 && 'no v1 hierarchy';
  test('killPod() kills by pid where there is only v1', { skip }, async () => {
    await using pod = new TestPod({}, { ...host, unified: undefined, controllers: new Map(v1) });
    const pidOne = spawn('sh', ['-c', `${shellOf(pod.pod.joinPod)}echo; exec sleep 1000`]);
    await once(pidOne.stdout, 'data');
    const app = await pod.start('exec sleep 1000');
    assert.deepEqual(processesOf({ pod: pod.uuid, app: 'app' }, pod.hierarchies), [app.pid]);
    assert.deepEqual(processesOf({ pod: pod.uuid }, pod.hierarchies), [pidOne.pid, app.pid]);
    const ended = Promise.all([once(pidOne, 'exit'), once(app, 'exit')]);
    await killPod(pod.uuid, pod.hierarchies);
    assert.deepEqual((await ended).flat(), [null, 'SIGKILL', null, 'SIGKILL']);
  });

  test('removePodCgroups() removes what an app made inside, and nothing of another pod', async () => {
    await using other = new TestPod({});
    await using pod = new TestPod({});
    const [inner = ''] = podCgroups(pod.uuid).filter((path) => path.endsWith('/app-app'));
    mkdirSync(`${inner}/made/deeper`, { recursive: true });
    assert.deepEqual(podCgroups(pod.uuid).slice(0, 3), [`${inner}/made/deeper`, `${inner}/made`, inner]);
    await removePodCgroups(pod.uuid);
    assert.deepEqual(podCgroups(pod.uuid), []);
    assert.notEqual(podCgroups(other.uuid).length, 0);
    await removePodCgroups(pod.uuid);
    await killPod(pod.uuid);
  });

  test('removePodCgroups() waits for the last process', async () => {
    await using pod = new TestPod({});
    const child = await pod.start('exec sleep 1000');
    const removed = removePodCgroups(pod.uuid);
    await until(() => podCgroups(pod.uuid).every((path) => !path.endsWith('/supervisor')));
    child.kill('SIGKILL');
    await removed;
    assert.deepEqual(podCgroups(pod.uuid), []);
  });

  test('podCgroups() tells parents after children', async () => {
    await using pod = new TestPod({});
    const paths = podCgroups(pod.uuid);
    assert.ok(paths.length >= 2);
    for (const [index, path] of paths.entries()) {
      assert.ok(paths.slice(0, index).every((earlier) => !path.startsWith(`${earlier}/`)));
      assert.ok(existsSync(path));
    }
    for (const path of paths) rmdirSync(path);
  });
});
