// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';

const FACTORS: Readonly<Record<string, number>> = {
  m: 1e-3,
  '': 1,
  k: 1e3,
  K: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

const SMALLEST_MEMORY_BYTES = 4096;

/** No limit, as the specification and the kernel write it. */
const UNLIMITED = -1;

/** The words for no limit: that of cgroup v2, and that of other engines. */
function isUnlimited(text: string): boolean {
  return text === 'max' || text === '-1';
}

/** The bytes of a memory quantity: a decimal number with an optional suffix k, M, G, T, Ki, Mi, Gi or Ti, or -1 for `max`. */
export function parseMemory(text: string, option = '--memory'): number {
  if (isUnlimited(text)) return UNLIMITED;
  const bytes = Math.floor(parseQuantity(text, option));
  if (bytes >= SMALLEST_MEMORY_BYTES) return bytes;
  throw new Failure(
    EXIT.usage,
    `memory limit of ${bytes} bytes too low: try a reasonable value, such as ${option}=16M`,
  );
}

/** The thousandths of a processor of a quantity such as `500m` or `2`, or -1 for `max`. */
export function parseCpu(text: string, option = '--cpu'): number {
  if (isUnlimited(text)) return UNLIMITED;
  const milli = Math.round(parseQuantity(text, option) * 1000);
  // The kernel accepts no quota below one millisecond in its period of 100.
  if (milli >= 10) return milli;
  throw new Failure(EXIT.usage, `cannot use ${option}="${text}": too low: wanted at least 10m`);
}

/** A whole number of bytes or operations; 0 is one. */
export function parseAmount(text: string, option: string): number {
  return Math.floor(parseQuantity(text, option));
}

/** A limit of processes: one or more, or -1 for none. */
export function checkPids(count: number, option: string): number {
  if (count === UNLIMITED || (Number.isSafeInteger(count) && count > 0)) return count;
  throw new Failure(EXIT.usage, `cannot use ${option}=${count}: wanted 1 or more, or -1 for no limit`);
}

/** A whole number in a range. */
export function checkRange(value: number, option: string, [least, most]: readonly [number, number]): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Failure(EXIT.usage, `cannot use ${option}=${value}: wanted ${least} to ${most}`);
}

function parseQuantity(text: string, option: string): number {
  const match = /^(\d+(?:\.\d+)?)([a-zA-Z]{0,2})$/.exec(text);
  const factor = FACTORS[match?.[2] ?? 'none'];
  const value = Number(match?.[1]) * (factor ?? Number.NaN);
  if (Number.isFinite(value) && value <= Number.MAX_SAFE_INTEGER) return value;
  throw new Failure(
    EXIT.usage,
    `cannot use ${option}="${printable(text)}": wanted a number with a suffix such as m, M or Gi`,
  );
}
