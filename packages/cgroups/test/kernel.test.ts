// SPDX-License-Identifier: Apache-2.0
// What the kernel makes of the operations, on whatever hierarchies the machine has. Also run in a machine with v2 only:
// test/vm/cgroups.test.ts.
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  cgroupOps,
  podCgroupOps,
  hostHierarchies,
  killPod,
  podCgroups,
  processesOf,
  removePodCgroups,
  usage,
  type CgroupOps,
  type PodCgroupOps,
  type Hierarchies,
  type Resources,
} from '../src/index.ts';
import { mountsOf, offered } from '../src/hierarchies.ts';
import { execute, shellOf } from './execute.ts';

const host = hostHierarchies();

/** The cgroups of a pod of this machine, removed with all their processes when disposed. */
class TestPod implements AsyncDisposable {
  readonly uuid = randomUUID();
  readonly hierarchies: Hierarchies;
  readonly ops: CgroupOps;
  readonly pod: PodCgroupOps;

  constructor(resources: Resources, hierarchies: Hierarchies = host) {
    this.hierarchies = hierarchies;
    this.ops = cgroupOps({ hierarchies, pod: this.uuid, app: 'app', resources, appFd: 7 });
    this.pod = podCgroupOps({ hierarchies, pod: this.uuid, supervisorFd: 6 });
    execute([...this.pod.make, ...this.ops.make]);
  }

  /** A script that runs in the cgroups of the app: v2, which stage1 enters by clone, and v1. */
  script(text: string): string[] {
    const { unified } = this.hierarchies;
    const own = unified === undefined ? '' : `${unified}/rkt/${this.uuid}/app-app/cgroup.procs`;
    return ['-c', `${own === '' ? '' : `echo 0 > ${own} || exit 99; `}${shellOf(this.ops.joinApp)}${text}`];
  }

  run(text: string): ReturnType<typeof spawnSync> {
    return spawnSync('sh', this.script(text), { encoding: 'utf8', timeout: 60_000 });
  }

  async start(text: string): Promise<ChildProcess> {
    const child = spawn('sh', this.script(`echo; ${text}`), { stdio: ['ignore', 'pipe', 'inherit'] });
    await Promise.race([
      once(child.stdout, 'data'),
      once(child, 'exit').then(() => assert.fail('the process ended before it was ready')),
    ]);
    return child;
  }

  /** The text of a file of the app's cgroup by its name on v1 or v2. */
  file(controller: string, v1: string, v2 = v1): string {
    const found = this.hierarchies.controllers.get(controller);
    assert.ok(found);
    return readFileSync(`${found.mount}/rkt/${this.uuid}/app-app/${found.version === 1 ? v1 : v2}`, 'utf8').trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await killPod(this.uuid, host);
    await removePodCgroups(this.uuid, host);
    assert.deepEqual(podCgroups(this.uuid, host), []);
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; !condition(); i++) {
    if (i > 3000) assert.fail('it did not come about');
    await delay(10);
  }
}

/** Why a test of these controllers cannot run here, or false. */
function lacks(...controllers: readonly string[]): string | false {
  const missing = controllers.filter((name) => !host.controllers.has(name));
  return missing.length > 0 && `no controller ${missing.join(', ')}`;
}

function cannotWrite(): string | false {
  try {
    for (const mount of mountsOf(host)) accessSync(mount, constants.W_OK);
    return mountsOf(host).length === 0 && 'no cgroups';
  } catch {
    return 'cgroups are not writable';
  }
}

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
