// SPDX-License-Identifier: Apache-2.0
import { RET, returnValue } from './actions.ts';
import type { Condition, Profile } from './profile.ts';
import type { Call } from './simulate.ts';
import { AUDIT_ARCH, parameterWidth, SYSCALL_TABLE, syscallName, type Arch } from './syscalls.ts';

/**
 * Says what a profile wants done with a call, straight from its rules.
 * It shares no code with `compile` beyond the tables, so that each can be tested against the other.
 */
export function interpret(profile: Profile, call: Call, { arch }: { readonly arch: Arch }): number {
  if (call.arch !== AUDIT_ARCH[arch]) return RET.KILL_PROCESS;
  if (call.nr > SYSCALL_TABLE.last) return returnValue('SCMP_ACT_ERRNO', 38);
  const name = syscallName(arch, call.nr);
  let best = { conditions: -1, value: returnValue(profile.defaultAction, profile.defaultErrnoRet) };
  for (const rule of profile.syscalls) {
    if (name === undefined || !rule.names.includes(name)) continue;
    if (rule.args.length <= best.conditions) continue;
    if (!rule.args.every((condition) => holds(condition, name, call.args ?? []))) continue;
    best = { conditions: rule.args.length, value: returnValue(rule.action, rule.errnoRet) };
  }
  return best.value;
}

function holds(condition: Condition, name: string, args: readonly bigint[]): boolean {
  const width = parameterWidth(name, condition.index);
  const given = BigInt.asUintN(width, args[condition.index] ?? 0n);
  const value = written(condition.value, width);
  const valueTwo = written(condition.valueTwo, width);
  switch (condition.op) {
    case 'SCMP_CMP_EQ':
      return given === value;
    case 'SCMP_CMP_NE':
      return given !== value;
    case 'SCMP_CMP_LT':
      return given < value;
    case 'SCMP_CMP_LE':
      return given <= value;
    case 'SCMP_CMP_GT':
      return given > value;
    case 'SCMP_CMP_GE':
      return given >= value;
    case 'SCMP_CMP_MASKED_EQ':
      return ((given ^ valueTwo) & BigInt.asUintN(width, value)) === 0n;
  }
}

/** A value of a profile as the number that is meant: that of a narrow parameter may be a negative one of 64 bits. */
function written(value: bigint, width: 16 | 32 | 64): bigint {
  const signed = BigInt.asIntN(64, value);
  return width !== 64 && signed < 0n && signed >= -(2n ** 31n) ? BigInt.asUintN(32, signed) : value;
}
