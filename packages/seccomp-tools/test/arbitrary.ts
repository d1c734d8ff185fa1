// SPDX-License-Identifier: Apache-2.0
// What the property tests draw: profiles that collide often, and calls at the borders of their conditions.
import fc from 'fast-check';
import { AUDIT_ARCH, readProfile, syscallsOf, type Arch, type Call, type Profile } from '../src/index.ts';

// Few names, so that rules meet; parameters of 16, 32 and 64 bits among them.
const names = [
  'read',
  'write',
  'mmap',
  'socket',
  'clone',
  'fchmod',
  'ioctl',
  'personality',
  'futex',
  'mseal',
  'nosuch',
];
const interesting = [
  0n,
  1n,
  2n,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x10000n,
  0x7fffffffn,
  0x80000000n,
  0xfffffffen,
  0xffffffffn,
  0x100000000n,
  0x100000001n,
  0x7fffffffffffffffn,
  0x8000000000000000n,
  0xffffffff7fffffffn,
  0xffffffff80000000n,
  0xffffffffffffffffn,
];

const value = fc.oneof(fc.constantFrom(...interesting), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
const withErrno = (key: string) =>
  fc.oneof(
    fc.record({
      action: fc.constantFrom('SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_KILL_THREAD', 'SCMP_ACT_TRAP'),
    }),
    fc
      .record({ action: fc.constantFrom('SCMP_ACT_ERRNO', 'SCMP_ACT_TRACE'), errno: fc.nat({ max: 4095 }) })
      .map(({ action, errno }) => ({ action, [key]: errno })),
  );

const condition = fc.record({
  index: fc.nat({ max: 2 }),
  value,
  valueTwo: value,
  op: fc.constantFrom(
    ...['NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ', 'MASKED_EQ'].map((name) => `SCMP_CMP_${name}`),
  ),
});

const rule = fc
  .record({
    names: fc.subarray(names, { minLength: 1, maxLength: 4 }),
    what: withErrno('errnoRet'),
    args: fc.array(condition, { maxLength: 3 }),
  })
  .map(({ names: some, what, args }) => ({ names: some, ...what, args }));

/** Any profile. */
export const profile: fc.Arbitrary<Profile> = fc
  .record({ fallback: withErrno('defaultErrnoRet'), syscalls: fc.array(rule, { maxLength: 12 }) })
  .map(({ fallback: { action, ...rest }, syscalls }) => readProfile({ defaultAction: action, ...rest, syscalls }));

/** The numbers at which filters change their mind, and some that no kernel knows. */
export const specialNumbers: readonly number[] = [
  0x3fffffff, 0x40000000, 0x40000001, 0x40000029, 0x400001d5, 0x40000200, 0x7fffffff, 0x80000000, 0xffffffff,
];

/** The machines whose calls a filter for one of them may see. */
const auditArchs: readonly number[] = [AUDIT_ARCH.x86_64, AUDIT_ARCH.aarch64, 0x40000003, 0x40000028, 0];

/** Argument lists at the borders of each condition that a profile puts on a system call. */
export function borderArgs(given: Profile, name: string): bigint[][] {
  const lists = [[0n, 0n, 0n, 0n, 0n, 0n]];
  for (const { names: some, args } of given.syscalls) {
    if (!some.includes(name)) continue;
    // For each condition all values near its border, while the others of the rule are met as far as that is easy.
    const met = [0n, 0n, 0n, 0n, 0n, 0n];
    for (const { index, value: wanted, valueTwo, op } of args) {
      met[index] = op === 'SCMP_CMP_MASKED_EQ' ? valueTwo : wanted;
    }
    for (const { index, value: wanted, valueTwo } of args) {
      for (const near of [...around(wanted), ...around(valueTwo), 0n, 1n, 2n ** 31n, 2n ** 32n, 2n ** 63n]) {
        lists.push(met.with(index, near));
      }
    }
  }
  return lists;
}

function around(center: bigint): bigint[] {
  const near = [center - 1n, center, center + 1n, center + 2n ** 32n, center ^ (1n << 40n), center ^ 0xffff0000n];
  const bits = Array.from({ length: 64 }, (_, bit) => center ^ (1n << BigInt(bit)));
  return [...near, ...bits].map((each) => BigInt.asUintN(64, each));
}

/** All calls that tell a filter for this profile from one for another. */
export function borderCalls(given: Profile, arch: Arch): Call[] {
  // Also to the neighbours of a call, lest a filter checks the arguments of the wrong one.
  const named = [...syscallsOf(arch)].flatMap(([name, nr]) =>
    borderArgs(given, name).flatMap((args) =>
      [nr - 2, nr - 1, nr, nr + 1, nr + 2]
        .filter((each) => each >= 0)
        .map((each) => ({ arch: AUDIT_ARCH[arch], nr: each, args })),
    ),
  );
  const numbers = [...Array.from({ length: 1024 }, (_, nr) => nr), ...specialNumbers];
  return [...named, ...auditArchs.flatMap((each) => numbers.map((nr) => ({ arch: each, nr })))];
}

/** A call of one of the names that arbitrary profiles speak of. */
export const call: fc.Arbitrary<Call> = fc.record({
  arch: fc.constantFrom(AUDIT_ARCH.x86_64, AUDIT_ARCH.x86_64, AUDIT_ARCH.x86_64, AUDIT_ARCH.aarch64),
  nr: fc.oneof(
    fc.constantFrom(...names.flatMap((name) => syscallsOf('x86_64').get(name) ?? [])),
    fc.nat({ max: 520 }),
    fc.constantFrom(...specialNumbers),
  ),
  args: fc.array(value, { minLength: 6, maxLength: 6 }),
});
