// SPDX-License-Identifier: Apache-2.0
// What the kernel makes of limits that change while processes run. Also run in a machine with v2 only: test/vm/cgroups.test.ts.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { EXIT } from '@rkt/exit';
import { changeLimits, freezeApp, isFrozen, killPod, processesOf, thawApp, type Resources } from '../src/index.ts';
import { cannotWrite, host, lacks, TestPod, until } from './test-pod.ts';

const MI = 1 << 20;

/** Gives the app of a pod other limits. */
function change(pod: TestPod, resources: Resources, podResources: Resources = {}): () => readonly string[] {
  return changeLimits({
    hierarchies: pod.hierarchies,
    pod: pod.uuid,
    apps: [{ app: 'app', resources }],
    podResources,
  });
}

function memoryOf(pod: TestPod): string[] {
  const isV1 = pod.hierarchies.controllers.get('memory')?.version === 1;
  const limit = pod.file('memory', 'memory.limit_in_bytes', 'memory.max');
  const swap = pod.file('memory', 'memory.memsw.limit_in_bytes', 'memory.swap.max');
  return [limit, isV1 || swap === 'max' ? swap : String(Number(limit) + Number(swap))];
}

suite('limits that change', { skip: process.getuid?.() === 0 ? cannotWrite() : 'not root' }, () => {
  test('changeLimits() raises and lowers memory together with swap', { skip: lacks('memory') }, async () => {
    await using pod = new TestPod({ memory: { limit: 32 * MI, swap: 32 * MI } });
    await pod.start('exec sleep 1000');
    for (const size of [128 * MI, 64 * MI]) {
      change(pod, { memory: { limit: size, swap: size } });
      assert.deepEqual(memoryOf(pod), [String(size), String(size)]);
    }
  });

  test(
    'changeLimits() changes nothing if the kernel refuses one limit',
    { skip: lacks('memory', 'cpuset') },
    async () => {
      const before = { memory: { limit: 64 * MI, swap: 64 * MI }, cpu: { cpus: '0' }, pids: { limit: 50 } };
      await using pod = new TestPod(before);
      await pod.start('exec sleep 1000');
      const after = { memory: { limit: 96 * MI, swap: 96 * MI }, cpu: { cpus: '4095' }, pids: { limit: 60 } };
      assert.throws(() => change(pod, after), {
        status: EXIT.system,
        message: /cpuset.cpus" to 4095: .*: nothing was changed$/,
      });
      assert.deepEqual(memoryOf(pod), [String(64 * MI), String(64 * MI)]);
      assert.deepEqual([pod.file('pids', 'pids.max'), pod.file('cpuset', 'cpuset.cpus')], ['50', '0']);
    },
  );

  test('changeLimits() refuses less memory than is used, and kills nothing', { skip: lacks('memory') }, async () => {
    await using pod = new TestPod({ memory: { limit: 64 * MI, swap: 64 * MI } });
    const child = await pod.start('a=$(head -c 20000000 /dev/zero | tr "\\\\0" x); echo; sleep 1000');
    await until(() => Number(pod.file('memory', 'memory.usage_in_bytes', 'memory.current')) > 15 * MI);
    assert.throws(() => change(pod, { memory: { limit: MI, swap: MI } }), { status: EXIT.system });
    assert.deepEqual(memoryOf(pod), [String(64 * MI), String(64 * MI)]);
    assert.equal(child.exitCode ?? child.signalCode, null);
  });

  test('changeLimits() returns what brings the old limits back', { skip: lacks('cpu') }, async () => {
    await using pod = new TestPod({ cpu: { quota: 10_000, period: 100_000, shares: 512 }, pids: { limit: 9 } });
    const restore = change(pod, { cpu: { quota: 400_000, period: 200_000, shares: 1024 }, pids: { limit: -1 } });
    const cpu = () => [pod.file('cpu', 'cpu.cfs_quota_us', 'cpu.max'), pod.file('cpu', 'cpu.shares', 'cpu.weight')];
    const isV1 = host.controllers.get('cpu')?.version === 1;
    assert.deepEqual(
      [...cpu(), pod.file('pids', 'pids.max')],
      [...(isV1 ? ['400000', '1024'] : ['400000 200000', '100']), 'max'],
    );
    assert.deepEqual(restore(), []);
    assert.deepEqual(
      [...cpu(), pod.file('pids', 'pids.max')],
      [...(isV1 ? ['10000', '512'] : ['10000 100000', '59']), '9'],
    );
  });

  test('changeLimits() limits a running app that had no limit of the kind', { skip: lacks('memory') }, async () => {
    await using pod = new TestPod({});
    const child = await pod.start('sleep 1; exec dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null');
    const ended = once(child, 'exit');
    change(pod, { memory: { limit: 16 * MI, swap: 16 * MI } });
    assert.deepEqual(memoryOf(pod), [String(16 * MI), String(16 * MI)]);
    if (host.controllers.get('memory')?.version === 1)
      assert.match(
        readFileSync(`/proc/${child.pid}/cgroup`, 'utf8'),
        new RegExp(`:memory:/rkt/${pod.uuid}/app-app$`, 'm'),
      );
    assert.deepEqual(await ended, [null, 'SIGKILL']);
  });

  test('changeLimits() limits the pod above its app', { skip: lacks('memory', 'cpu') }, async () => {
    await using pod = new TestPod({ memory: { limit: 512 * MI } }, host, { memory: { limit: 256 * MI } });
    assert.equal(pod.podFile('memory', 'memory.limit_in_bytes', 'memory.max'), String(256 * MI));
    const child = await pod.start('sleep 1; exec dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null');
    const ended = once(child, 'exit');
    change(pod, { memory: { limit: 512 * MI } }, { memory: { limit: 16 * MI, swap: 16 * MI } });
    assert.equal(pod.podFile('memory', 'memory.limit_in_bytes', 'memory.max'), String(16 * MI));
    assert.deepEqual(await ended, [null, 'SIGKILL']);
  });

  const v1 = [...host.controllers].filter(([, { version }]) => version === 1);
  const noFreezer = host.controllers.get('freezer')?.version !== 1 && 'no freezer of v1';
  for (const [what, hierarchies, skip] of [
    ['', host, host.unified === undefined && 'no v2'],
    [' where there is only v1', { ...host, unified: undefined, controllers: new Map(v1) }, noFreezer],
  ] as const) {
    test(`freezeApp() stops an app, and thawApp() lets it go${what}`, { skip }, async () => {
      await using pod = new TestPod({}, hierarchies);
      const path = { hierarchies, pod: pod.uuid, app: 'app' };
      const child = await pod.start('while :; do (:); done');
      assert.ok(!isFrozen(path));
      await freezeApp(path);
      await freezeApp(path);
      assert.ok(isFrozen(path));
      const timesOf = () => readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(' ').slice(9, 17).join(' ');
      const before = timesOf();
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(timesOf(), before);
      thawApp(path);
      thawApp(path);
      assert.ok(!isFrozen(path));
      await until(() => timesOf() !== before);
      await freezeApp(path);
      const ended = once(child, 'exit');
      await killPod(pod.uuid, hierarchies);
      assert.deepEqual(await ended, [null, 'SIGKILL']);
      assert.deepEqual(processesOf({ pod: pod.uuid }, hierarchies), []);
    });
  }

  test('thawApp() does not mind an app that was never frozen', async () => {
    await using pod = new TestPod({}, { ...host, unified: undefined, controllers: new Map(v1) });
    thawApp({ hierarchies: pod.hierarchies, pod: pod.uuid, app: 'app' });
    assert.ok(!existsSync(`/sys/fs/cgroup/freezer/rkt/${pod.uuid}`));
  });
});
