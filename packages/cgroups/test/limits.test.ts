// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { EXIT, Failure } from '@rkt/exit';
import { limitsOf, type Resources } from '../src/index.ts';
import { weightOfShares } from '../src/convert.ts';

function written(resources: Resources, version: 'v1' | 'v2'): Record<string, string> {
  const settings = limitsOf(resources).flatMap((limit) => limit[version]);
  return Object.fromEntries(settings.map(({ file, value }) => [file, value]));
}

function refusal(resources: Resources): string {
  try {
    limitsOf(resources);
  } catch (error) {
    assert.ok(error instanceof Failure);
    assert.equal(error.status, EXIT.dataRefused);
    return error.message;
  }
  throw new Error('not refused');
}

test('weightOfShares() gives the values of other engines', () => {
  const known: Record<number, number> = {
    2: 1,
    64: 12,
    128: 21,
    256: 35,
    512: 59,
    1024: 100,
    2048: 174,
    4096: 303,
    16384: 942,
    65536: 3023,
    262144: 10000,
  };
  for (const [shares, weight] of Object.entries(known)) assert.equal(weightOfShares(Number(shares)), weight, shares);
});

test('weightOfShares() stays in range and never turns an order round', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300_000 }), fc.integer({ min: 0, max: 5000 }), (shares, more) => {
      const weight = weightOfShares(shares);
      assert.ok(Number.isInteger(weight) && weight >= 1 && weight <= 10_000);
      assert.ok(weightOfShares(shares + more) >= weight);
    }),
    { numRuns: 1000 },
  );
});

test('limitsOf() writes memory limits', () => {
  const resources: Resources = { memory: { limit: 1000, swap: 1500, reservation: 500 } };
  assert.deepEqual(written(resources, 'v1'), {
    'memory.limit_in_bytes': '1000',
    'memory.memsw.limit_in_bytes': '1500',
    'memory.soft_limit_in_bytes': '500',
  });
  assert.deepEqual(written(resources, 'v2'), { 'memory.max': '1000', 'memory.swap.max': '500', 'memory.low': '500' });
});

test('limitsOf() writes unlimited in the words of each version', () => {
  const resources: Resources = { memory: { limit: -1, swap: -1 }, cpu: { quota: -1 }, pids: { limit: -1 } };
  assert.deepEqual(written(resources, 'v1'), {
    'memory.limit_in_bytes': '-1',
    'memory.memsw.limit_in_bytes': '-1',
    'cpu.cfs_period_us': '100000',
    'cpu.cfs_quota_us': '-1',
    'pids.max': 'max',
  });
  assert.deepEqual(written(resources, 'v2'), {
    'memory.max': 'max',
    'memory.swap.max': 'max',
    'cpu.max': 'max 100000',
    'pids.max': 'max',
  });
});

test('limitsOf() leaves alone what is absent or 0, but not a limit of 0 processes', () => {
  assert.deepEqual(limitsOf({}), []);
  const zero = { memory: { limit: 0, swap: 0 }, cpu: { shares: 0, quota: 0, period: 0, cpus: '', mems: '' } };
  assert.deepEqual(limitsOf(zero), []);
  assert.deepEqual(written({ pids: { limit: 0 } }, 'v2'), { 'pids.max': '0' });
});

test('limitsOf() writes CPU limits', () => {
  const resources: Resources = { cpu: { shares: 512, quota: 20_000, period: 50_000, cpus: '0-1,3', mems: '0' } };
  assert.deepEqual(written(resources, 'v1'), {
    'cpu.shares': '512',
    'cpu.cfs_period_us': '50000',
    'cpu.cfs_quota_us': '20000',
    'cpuset.cpus': '0-1,3',
    'cpuset.mems': '0',
  });
  assert.deepEqual(written(resources, 'v2'), {
    'cpu.weight': '59',
    'cpu.max': '20000 50000',
    'cpuset.cpus': '0-1,3',
    'cpuset.mems': '0',
  });
  assert.deepEqual(written({ cpu: { period: 50_000 } }, 'v1'), { 'cpu.cfs_period_us': '50000' });
  assert.deepEqual(written({ cpu: { period: 50_000 } }, 'v2'), { 'cpu.max': 'max 50000' });
});

test('limitsOf() makes the swap of v2 from the sum of v1', () => {
  const bytes = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      const [limit, swap] = [Math.min(a, b), Math.max(a, b)];
      const files = written({ memory: { limit, swap } }, 'v2');
      assert.equal(BigInt(files['memory.max'] ?? '') + BigInt(files['memory.swap.max'] ?? ''), BigInt(swap));
      if (limit !== swap)
        assert.match(refusal({ memory: { limit: swap, swap: limit } }), /"memory.swap": \d+ is below/);
    }),
  );
  assert.equal(written({ memory: { limit: -1, swap: 700 } }, 'v2')['memory.swap.max'], '700');
  assert.equal(written({ memory: { limit: 5, swap: -1 } }, 'v2')['memory.swap.max'], 'max');
  assert.equal(
    refusal({ memory: { swap: 5 } }),
    'cannot limit "memory.swap": it includes memory.limit, which is not set',
  );
});

test('limitsOf() refuses what the kernel would', () => {
  assert.match(refusal({ memory: { limit: -2 } }), /^cannot limit "memory.limit": -2 is not an amount: wanted /);
  assert.match(refusal({ memory: { limit: 1.5 } }), /1\.5 is not/);
  assert.match(refusal({ memory: { limit: Number.NaN } }), /NaN is not/);
  assert.match(refusal({ memory: { reservation: 2 ** 63 } }), /"memory.reservation"/);
  assert.match(refusal({ pids: { limit: -7 } }), /"pids.limit"/);
  assert.match(refusal({ cpu: { shares: -1 } }), /"cpu.shares"/);
  assert.match(refusal({ cpu: { period: 999 } }), /"cpu.period": 999 is out of range/);
  assert.match(refusal({ cpu: { period: 1_000_001 } }), /"cpu.period"/);
  assert.match(refusal({ cpu: { quota: 999 } }), /"cpu.quota": 999 is too little/);
  for (const cpus of ['0\n1', '0-', 'a', '0 1', '-1', '0,', '0\0', '../x']) {
    assert.match(refusal({ cpu: { cpus } }), /^cannot limit "cpu.cpus": "[!-~]*" is not a list: wanted [ -~]*$/, cpus);
  }
});

test('limitsOf() writes limits of block devices', () => {
  const device = { major: 8, minor: 16 };
  const resources: Resources = {
    blockIO: {
      weight: 500,
      throttleReadBpsDevice: [
        { ...device, rate: 1000 },
        { major: 7, minor: 0, rate: 0 },
      ],
      throttleWriteIOPSDevice: [{ ...device, rate: 5 }],
    },
  };
  const settings = (version: 'v1' | 'v2') =>
    limitsOf(resources).flatMap((limit) => limit[version].map(({ file, value }) => `${file} ${value}`));
  assert.deepEqual(settings('v1'), [
    'blkio.bfq.weight 500',
    'blkio.throttle.read_bps_device 8:16 1000',
    'blkio.throttle.read_bps_device 7:0 0',
    'blkio.throttle.write_iops_device 8:16 5',
  ]);
  assert.deepEqual(settings('v2'), [
    'io.weight 4950',
    'io.max 8:16 rbps=1000',
    'io.max 7:0 rbps=max',
    'io.max 8:16 wiops=5',
  ]);
});

test('limitsOf() keeps the weights of block devices in range', () => {
  const weight = (value: number) => written({ blockIO: { weight: value } }, 'v2')['io.weight'];
  assert.deepEqual([10, 100, 500, 1000].map(weight), ['1', '910', '4950', '10000']);
  for (const value of [9, 1001, -1, 10.5]) assert.match(refusal({ blockIO: { weight: value } }), /"blockIO.weight"/);
  const rate = (value: number) => ({ blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: value }] } });
  for (const value of [-1, 1.5, Number.NaN]) assert.match(refusal(rate(value)), /"blockIO.throttleReadBpsDevice"/);
});

test('limitsOf() limits huge pages and what is reserved of them', () => {
  const resources: Resources = { hugepageLimits: [{ pageSize: '2MB', limit: 4 << 20 }] };
  assert.deepEqual(written(resources, 'v1'), {
    'hugetlb.2MB.limit_in_bytes': '4194304',
    'hugetlb.2MB.rsvd.limit_in_bytes': '4194304',
  });
  assert.deepEqual(written(resources, 'v2'), { 'hugetlb.2MB.max': '4194304', 'hugetlb.2MB.rsvd.max': '4194304' });
  for (const pageSize of ['2mb', '../2MB', '2', '', 'MB', '2MB\n'])
    assert.match(refusal({ hugepageLimits: [{ pageSize, limit: 1 }] }), /"hugepageLimits": wanted a page size/);
});

test('limitsOf() writes files of v2 by their names, and none but those of controllers', () => {
  const [limit, ...more] = limitsOf({ unified: { 'memory.oom.group': '1' } });
  assert.deepEqual(more, []);
  assert.deepEqual(limit, {
    resource: 'unified.memory.oom.group',
    v1: [],
    v2: [{ controller: 'memory', file: 'memory.oom.group', value: '1' }],
  });
  for (const file of ['cgroup.procs', 'cgroup.freeze', '../memory.max', 'memory', 'memory./x', 'a.b/c', 'memory.max\n'])
    assert.match(refusal({ unified: { [file]: '1' } }), /"unified": wanted names/, file);
  for (const value of ['', '1\n2', 'a\0'])
    assert.match(refusal({ unified: { 'memory.max': value } }), /"unified.memory.max"/);
});
