// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseOptions } from '@rkt/command';
import { Failure } from '@rkt/exit';
import {
  limitOptions,
  mergeResources,
  parseCpu,
  parseMemory,
  podLimitOptions,
  podResourcesOf,
  requireRoom,
  requireSwap,
  resourcesOf,
} from '../src/index.ts';

function resources(...argv: readonly string[]) {
  return resourcesOf(parseOptions(limitOptions, argv).given);
}

function refusal(...argv: readonly string[]): string {
  try {
    resources(...argv);
  } catch (error) {
    assert.ok(error instanceof Failure);
    assert.equal(error.status, 64);
    assert.match(error.message, /^[ -~]+$/);
    return error.message;
  }
  throw new Error(`not refused: ${argv.join(' ')}`);
}

const disk = readdirSync('/dev')
  .map((name) => `/dev/${name}`)
  .find((path) => lstatSync(path).isBlockDevice());

test('parseMemory() reads quantities of Kubernetes and refuses nonsense', () => {
  assert.equal(parseMemory('42Mi'), 42 * 2 ** 20);
  assert.equal(parseMemory('50M'), 50e6);
  assert.equal(parseMemory('1.5G'), 1.5e9);
  assert.equal(parseMemory('max'), -1);
  for (const text of ['', '4', '1000', '-1M', '-2', '1MB', '1e9', 'x', '9999999999T'])
    assert.throws(() => parseMemory(text), { status: 64 }, text);
});

test('parseCpu() reads thousandths of a processor', () => {
  assert.equal(parseCpu('900m'), 900);
  assert.equal(parseCpu('2'), 2000);
  assert.equal(parseCpu('max'), -1);
  for (const text of ['0', '1m', 'x', '-2']) assert.throws(() => parseCpu(text), { status: 64 }, text);
});

test('resourcesOf() says nothing of what is not given', () => {
  assert.deepEqual(resources(), {});
});

test('resourcesOf() writes amounts as the runtime specification counts them', () => {
  assert.deepEqual(
    resources(
      ...'--memory=64Mi --memory-swap=96Mi --memory-reservation=32Mi --oom-kill-group'.split(' '),
      ...'--cpu=1500m --cpu-shares=512 --cpuset-cpus=0 --cpuset-mems=0'.split(' '),
      ...'--pids-limit=20 --blkio-weight=300'.split(' '),
    ),
    {
      memory: { limit: 64 << 20, swap: 96 << 20, reservation: 32 << 20 },
      cpu: { quota: 150_000, period: 100_000, shares: 512, cpus: '0', mems: '0' },
      pids: { limit: 20 },
      blockIO: { weight: 300 },
      unified: { 'memory.oom.group': '1' },
    },
  );
  assert.deepEqual(resources('--memory=max', '--cpu=max', '--pids-limit=-1'), {
    memory: { limit: -1 },
    cpu: { quota: -1, period: 100_000 },
    pids: { limit: -1 },
  });
});

test('resourcesOf() finds block devices by their paths', { skip: disk === undefined && 'no block device' }, () => {
  const { blockIO } = resources(`--device-read-bps=${disk}:1Mi`, `--device-write-iops=${disk}:30`);
  const [read] = blockIO?.throttleReadBpsDevice ?? [];
  assert.equal(read?.rate, 1 << 20);
  const [name] = /[^/]+$/.exec(disk ?? '') ?? [];
  assert.equal(`${read?.major}:${read?.minor}`, readFileSync(`/sys/class/block/${name}/dev`, 'utf8').trim());
  assert.equal(blockIO?.throttleWriteIOPSDevice?.[0]?.rate, 30);
  assert.equal(resources(`--device-read-bps=${disk}:max`).blockIO?.throttleReadBpsDevice?.[0]?.rate, 0);
  assert.equal(
    resources(`--device-read-bps=${disk}:1`, `--device-read-bps=${disk}:2`).blockIO?.throttleReadBpsDevice?.length,
    1,
  );
});

const huge = existsSync('/sys/kernel/mm/hugepages/hugepages-2048kB');
test('resourcesOf() names huge pages as the kernel does', { skip: !huge && 'no huge pages of 2 MiB' }, () => {
  for (const size of ['2Mi', '2M', '2MB'])
    assert.deepEqual(resources(`--hugetlb=${size}:4Mi`), { hugepageLimits: [{ pageSize: '2MB', limit: 4 << 20 }] });
  assert.match(refusal('--hugetlb=3Mi:4Mi'), /the size one of .*2MB/);
});

test('resourcesOf() refuses what is no limit, in one line', () => {
  assert.match(refusal('--cpu-shares=1'), /^cannot use --cpu-shares=1: wanted 2 to 262144$/);
  assert.match(refusal('--blkio-weight=5'), /wanted 10 to 1000$/);
  for (const count of ['0', '-2', '1.5']) assert.match(refusal(`--pids-limit=${count}`), /wanted 1 or more, or -1/);
  for (const list of ['x', '0-', '1-0', ',', '0,,1', '-1', '4095', '0-4095'])
    assert.match(refusal(`--cpuset-cpus=${list}`), /^cannot use --cpuset-cpus="/, list);
  assert.match(refusal('--cpuset-cpus=4095'), /: this machine has 0/);
  assert.match(refusal('--cpuset-mems=1000'), /: this machine has 0/);
  assert.match(refusal('--device-read-bps=/dev/null:1M'), /not a block device$/);
  assert.match(refusal('--device-read-bps=/dev/nothing\x1b:1M'), /"\/dev\/nothing\\.*:1M": no such device$/);
  for (const text of ['/dev/null', 'sda:1M', ':1', '/dev/sda:', '/dev/sda:0'])
    assert.match(refusal(`--device-write-bps=${text}`), /^cannot use --device-write-bps/, text);
  for (const text of ['2Mi', ':1', '2Mi:', '2Mi:x', '2Mi:-1'])
    assert.match(refusal(`--hugetlb=${text}`), /--hugetlb/, text);
  assert.match(refusal('--memory=x'), /^cannot use --memory="x"/);
});

test('requireSwap() wants memory below memory and swap together', () => {
  assert.throws(() => requireSwap({ memory: { swap: 9000 } }), { status: 64, message: /wanted --memory as well/ });
  assert.throws(() => requireSwap({ memory: { limit: 9001, swap: 9000 } }), {
    status: 64,
    message: /wanted 9001 or more/,
  });
  for (const memory of [{ limit: 9000, swap: 9000 }, { swap: -1 }, { limit: -1, swap: 5 }, { limit: 1 }, {}])
    requireSwap({ memory });
});

test('mergeResources() replaces what is given and keeps the rest', () => {
  const device = { major: 8, minor: 0 };
  const before = {
    memory: { limit: 100, swap: 300 },
    pids: { limit: 5 },
    cpu: { shares: 10 },
    blockIO: { weight: 20, throttleReadBpsDevice: [{ ...device, rate: 1 }] },
    hugepageLimits: [{ pageSize: '2MB', limit: 1 }],
  };
  const after = {
    memory: { limit: 200 },
    cpu: { quota: 1000, period: 1000 },
    blockIO: {
      throttleReadBpsDevice: [
        { ...device, rate: 2 },
        { ...device, minor: 16, rate: 3 },
      ],
    },
    hugepageLimits: [{ pageSize: '1GB', limit: 2 }],
    unified: { 'memory.oom.group': '1' },
  };
  assert.deepEqual(mergeResources(before, after), {
    memory: { limit: 200, swap: 300 },
    pids: { limit: 5 },
    cpu: { shares: 10, quota: 1000, period: 1000 },
    blockIO: {
      weight: 20,
      throttleReadBpsDevice: [
        { ...device, rate: 2 },
        { ...device, minor: 16, rate: 3 },
      ],
    },
    hugepageLimits: [
      { pageSize: '2MB', limit: 1 },
      { pageSize: '1GB', limit: 2 },
    ],
    unified: { 'memory.oom.group': '1' },
  });
  assert.deepEqual(mergeResources(before, {}), before);
  assert.throws(() => mergeResources(before, { memory: { limit: 400 } }), { status: 64, message: /--memory-swap/ });
});

test('podResourcesOf() limits the pod, and requireRoom() keeps its apps inside', () => {
  const pod = (...argv: readonly string[]) => podResourcesOf(parseOptions(podLimitOptions, argv).given);
  assert.equal(pod(), undefined);
  const limits = pod('--pod-memory=1Gi', '--pod-cpu=500m', '--pod-pids-limit=100');
  assert.deepEqual(limits, {
    memory: { limit: 2 ** 30 },
    cpu: { quota: 50_000, period: 100_000 },
    pids: { limit: 100 },
  });
  requireRoom(limits, 'web', resources('--cpu=500m'));
  requireRoom(undefined, 'web', resources('--cpu=9'));
  requireRoom(pod('--pod-cpu=max'), 'web', resources('--cpu=9'));
  assert.throws(() => requireRoom(limits, 'web', resources('--cpu=600m')), {
    status: 64,
    message: 'cannot use --cpu=0.6 for app "web": more than --pod-cpu=0.5',
  });
});
