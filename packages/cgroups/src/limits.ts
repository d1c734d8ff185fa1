// SPDX-License-Identifier: Apache-2.0
import { amount, amountOrZero, bandwidthOf, listOf, orMax, sharesOf, swapOf, weightOfShares } from './convert.ts';
import type { Resources } from './resources.ts';

/** A file of a controller and what to write to it. */
export interface Setting {
  readonly controller: string;
  readonly file: string;
  readonly value: string;
}

/** A limit in the terms of both versions. Settings are written in their order; none: the version cannot express it. */
export interface Limit {
  /** The property of the OCI runtime specification, such as `memory.limit`. */
  readonly resource: string;
  readonly v1: readonly Setting[];
  readonly v2: readonly Setting[];
}

/** What a row makes of a value: the controller, the file and the text of each setting. */
type Conversion<T> = (value: T) => readonly (readonly [controller: string, file: string, value: string | number])[];

interface Row {
  readonly resource: string;
  readonly limit: (resources: Resources) => Limit[];
}

/** A row of the table: the property, how to find a checked value, what to write for it on each version. */
function row<T>(
  resource: string,
  find: (resources: Resources) => T | undefined,
  { v1, v2 }: { readonly v1: Conversion<T>; readonly v2: Conversion<T> },
): Row {
  const settings = (convert: Conversion<T>, value: T) =>
    convert(value).map(([controller, file, text]) => ({ controller, file, value: String(text) }));
  return {
    resource,
    limit: (resources) => {
      const value = find(resources);
      return value === undefined ? [] : [{ resource, v1: settings(v1, value), v2: settings(v2, value) }];
    },
  };
}

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
];

/** The limits that the resources ask for, in the terms of both versions and in the order of writing. */
export function limitsOf(resources: Resources): Limit[] {
  return ROWS.flatMap(({ limit }) => limit(resources));
}
