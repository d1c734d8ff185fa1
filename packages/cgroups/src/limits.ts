// SPDX-License-Identifier: Apache-2.0
import { blockRows } from './block.ts';
import {
  amount,
  amountOrZero,
  bandwidthOf,
  listOf,
  orMax,
  refuse,
  sharesOf,
  swapOf,
  weightOfShares,
} from './convert.ts';
import type { Resources } from './resources.ts';
import { row, type Limit, type Row } from './row.ts';

/** A limit more is a row more. The order is that of writing: v1 refuses a memory limit above that of memory and swap. */
const ROWS: readonly Row[] = [
  row('memory.limit', ({ memory }) => amount('memory.limit', memory?.limit), {
    v1: (bytes) => [['memory', 'memory.limit_in_bytes', bytes]],
    v2: (bytes) => [['memory', 'memory.max', orMax(bytes)]],
  }),
  row('memory.swap', swapOf, {
    v1: ({ total }) => [['memory', 'memory.memsw.limit_in_bytes', total]],
    v2: ({ swap }) => [['memory', 'memory.swap.max', orMax(swap)]],
  }),
  row('memory.reservation', ({ memory }) => amount('memory.reservation', memory?.reservation), {
    v1: (bytes) => [['memory', 'memory.soft_limit_in_bytes', bytes]],
    v2: (bytes) => [['memory', 'memory.low', orMax(bytes)]],
  }),
  row('cpu.shares', sharesOf, {
    v1: (shares) => [['cpu', 'cpu.shares', shares]],
    v2: (shares) => [['cpu', 'cpu.weight', weightOfShares(shares)]],
  }),
  row('cpu.quota', bandwidthOf, {
    v1: ({ quota, period }) => [
      ['cpu', 'cpu.cfs_period_us', period],
      ...(quota === undefined ? [] : [['cpu', 'cpu.cfs_quota_us', quota] as const]),
    ],
    v2: ({ quota, period }) => [['cpu', 'cpu.max', `${orMax(quota ?? -1)} ${period}`]],
  }),
  row('cpu.cpus', ({ cpu }) => listOf('cpu.cpus', cpu?.cpus), {
    v1: (list) => [['cpuset', 'cpuset.cpus', list]],
    v2: (list) => [['cpuset', 'cpuset.cpus', list]],
  }),
  row('cpu.mems', ({ cpu }) => listOf('cpu.mems', cpu?.mems), {
    v1: (list) => [['cpuset', 'cpuset.mems', list]],
    v2: (list) => [['cpuset', 'cpuset.mems', list]],
  }),
  row('pids.limit', ({ pids }) => amountOrZero('pids.limit', pids?.limit), {
    v1: (count) => [['pids', 'pids.max', orMax(count)]],
    v2: (count) => [['pids', 'pids.max', orMax(count)]],
  }),
  ...blockRows(),
  row('hugepageLimits', hugepagesOf, {
    v1: (sizes) => sizes.flatMap(({ pageSize, limit }) => hugetlb(pageSize, 'limit_in_bytes', limit)),
    v2: (sizes) => sizes.flatMap(({ pageSize, limit }) => hugetlb(pageSize, 'max', orMax(limit))),
  }),
  { limit: ({ unified = {} }) => Object.entries(unified).map(([file, value]) => unifiedLimit(file, value)) },
];

// What is mapped but not touched counts as well: else an app over its limit is killed when it touches a page.
function hugetlb(pageSize: string, file: string, value: string | number) {
  return ['', 'rsvd.'].map((kind) => ['hugetlb', `hugetlb.${pageSize}.${kind}${file}`, value] as const);
}

function hugepagesOf({ hugepageLimits }: Resources): Resources['hugepageLimits'] {
  for (const { pageSize, limit } of hugepageLimits ?? []) {
    if (!/^[1-9]\d{0,3}[KMG]B$/.test(pageSize)) throw refuse('hugepageLimits', 'wanted a page size such as 2MB');
    amountOrZero('hugepageLimits', limit);
  }
  return hugepageLimits;
}

/** What v2 has and the specification has no word for. Files of cgroups as such, such as `cgroup.procs`, are no limits. */
function unifiedLimit(file: string, value: string): Limit {
  const [controller = ''] = file.split('.');
  if (!/^[a-z]{1,16}(\.[A-Za-z0-9_]{1,32}){1,3}$/.test(file) || controller === 'cgroup') {
    throw refuse('unified', 'wanted names of files of controllers, such as memory.oom.group');
  }
  if (!/^[ -~]{1,256}$/.test(value)) throw refuse(`unified.${file}`, 'wanted one line of ASCII');
  return { resource: `unified.${file}`, v1: [], v2: [{ controller, file, value }] };
}

/** The limits that the resources ask for, in the terms of both versions and in the order of writing. */
export function limitsOf(resources: Resources): Limit[] {
  return ROWS.flatMap(({ limit }) => limit(resources));
}
