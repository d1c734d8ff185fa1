// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import type { Resources } from './resources.ts';

/** The limits of the kernel for a period of the CPU bandwidth controller, in microseconds. */
const PERIOD = { min: 1000, max: 1_000_000, default: 100_000 } as const;

/** A refusal of a value, in the words of the specification. */
export function refuse(resource: string, problem: string): Failure {
  return new Failure(EXIT.dataRefused, `cannot limit "${resource}": ${problem}`);
}

/** A number that is set: undefined stands for absent and for 0, which the specification's v1 heritage reads as absent. */
export function amount(resource: string, value: number | undefined): number | undefined {
  return value === 0 ? undefined : amountOrZero(resource, value);
}

/** A number where 0 is a limit like any other. */
export function amountOrZero(resource: string, value: number | undefined): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && value >= -1)) return value;
  throw refuse(resource, `${value} is not an amount: wanted a whole number, or -1 for unlimited`);
}

/** The amount as the files of v2 and `pids.max` of v1 want it. */
export function orMax(value: number): string {
  return value === -1 ? 'max' : String(value);
}

/**
 * `cpu.weight` for `cpu.shares`: the curve through (2, 1), (1024, 100) and (262144, 10000), which keeps the default of v1
 * the default of v2 and ratios near each other.
 */
export function weightOfShares(shares: number): number {
  if (shares <= 2) return 1;
  if (shares >= 262_144) return 10_000;
  const log = Math.log2(shares);
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}

/** `cpu.shares`, which has no unlimited. */
export function sharesOf({ cpu }: Resources): number | undefined {
  const shares = amount('cpu.shares', cpu?.shares);
  if (shares === -1) throw refuse('cpu.shares', '-1 is not an amount: wanted a whole number above 0');
  return shares;
}

/** CPU time and the period it is counted in. */
export interface Bandwidth {
  /** Undefined if only the period is given. */
  readonly quota: number | undefined;
  readonly period: number;
}

/** The bandwidth limit, checked as the kernel would later. */
export function bandwidthOf({ cpu }: Resources): Bandwidth | undefined {
  const quota = amount('cpu.quota', cpu?.quota);
  const given = amount('cpu.period', cpu?.period);
  if (quota === undefined && given === undefined) return undefined;
  const period = given ?? PERIOD.default;
  if (period < PERIOD.min || period > PERIOD.max) {
    throw refuse('cpu.period', `${period} is out of range: wanted ${PERIOD.min} to ${PERIOD.max} microseconds`);
  }
  if (quota !== undefined && quota !== -1 && quota < PERIOD.min) {
    throw refuse('cpu.quota', `${quota} is too little: wanted at least ${PERIOD.min} microseconds`);
  }
  return { quota, period };
}

/** A limit of swap, as v1 counts it and as v2 does. */
export interface Swap {
  /** Memory and swap together: v1. */
  readonly total: number;
  /** Swap alone: v2. */
  readonly swap: number;
}

/** The limit of swap. The specification counts memory and swap together, as v1 does. */
export function swapOf({ memory }: Resources): Swap | undefined {
  const limit = amount('memory.limit', memory?.limit);
  const total = amount('memory.swap', memory?.swap);
  // Unlimited memory alone means unlimited swap too, which is what a new cgroup has.
  if (total === undefined) return undefined;
  if (total === -1) return { total, swap: -1 };
  if (limit === undefined) throw refuse('memory.swap', 'it includes memory.limit, which is not set');
  if (limit === -1) return { total, swap: total };
  if (total < limit)
    throw refuse('memory.swap', `${total} is below memory.limit, which it includes: wanted ${limit} or more`);
  return { total, swap: total - limit };
}

/** A list of CPUs or memory nodes such as `0-3,7`, undefined if it is absent or empty. */
export function listOf(resource: string, value: string | undefined): string | undefined {
  if (value === undefined || value === '') return undefined;
  if (/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(value)) return value;
  throw refuse(
    resource,
    `"${value.replace(/[^!-~]/g, '?').slice(0, 64)}" is not a list: wanted numbers and ranges such as 0-3,7`,
  );
}
