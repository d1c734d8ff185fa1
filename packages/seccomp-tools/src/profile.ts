// SPDX-License-Identifier: Apache-2.0
import { actions, isAction, type Action } from './actions.ts';
import { ProfileError } from './error.ts';
import * as read from './read.ts';

/** A comparison of one argument with a value (OCI runtime-spec, config-linux.md, "Seccomp"). */
export type Operator =
  'SCMP_CMP_NE' | 'SCMP_CMP_LT' | 'SCMP_CMP_LE' | 'SCMP_CMP_EQ' | 'SCMP_CMP_GE' | 'SCMP_CMP_GT' | 'SCMP_CMP_MASKED_EQ';

/** A condition on one argument; `SCMP_CMP_MASKED_EQ` holds if the argument equals `valueTwo` in the bits that `value` has. */
export interface Condition {
  readonly index: number;
  readonly value: bigint;
  readonly valueTwo: bigint;
  readonly op: Operator;
}

/** What to do about some system calls if all conditions hold. */
export interface Rule {
  readonly names: readonly string[];
  readonly action: Action;
  readonly errnoRet?: number;
  readonly args: readonly Condition[];
}

/** A seccomp profile of the OCI runtime specification 1.3, checked. */
export interface Profile {
  readonly defaultAction: Action;
  readonly defaultErrnoRet?: number;
  readonly architectures: readonly string[];
  readonly flags: readonly string[];
  readonly listenerPath?: string;
  readonly listenerMetadata?: string;
  readonly syscalls: readonly Rule[];
}

const operators: readonly string[] = [
  'SCMP_CMP_NE',
  'SCMP_CMP_LT',
  'SCMP_CMP_LE',
  'SCMP_CMP_EQ',
  'SCMP_CMP_GE',
  'SCMP_CMP_GT',
  'SCMP_CMP_MASKED_EQ',
] satisfies Operator[];

const architectures: readonly string[] = (
  'X86 X86_64 X32 ARM AARCH64 MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64 PPC64LE S390 S390X ' +
  'PARISC PARISC64 RISCV64 LOONGARCH64 M68K SH SHEB'
)
  .split(' ')
  .map((name) => `SCMP_ARCH_${name}`);

const flags: readonly string[] = ['TSYNC', 'LOG', 'SPEC_ALLOW', 'WAIT_KILLABLE_RECV'].map(
  (name) => `SECCOMP_FILTER_FLAG_${name}`,
);

// Far above what people write, far below what would make a compiler slow.
const limits = { rules: 4096, names: 4096, conditions: 64 } as const;

/** Reads a profile from its JSON text, numbers of 64 bits included; throws a ProfileError if it is not one. */
export function parseProfile(text: string): Profile {
  return readProfile(read.json(text));
}

/** Checks that a parsed JSON value is a profile; throws a ProfileError if it is not one. */
export function readProfile(value: unknown): Profile {
  const profile = read.record(value, 'the profile');
  const defaultAction = action(profile['defaultAction'], 'defaultAction');
  const defaultErrnoRet = errno(profile['defaultErrnoRet'], 'defaultErrnoRet', defaultAction);
  const rules = read.list(profile['syscalls'], 'syscalls', limits.rules);
  return {
    defaultAction,
    ...(defaultErrnoRet !== undefined && { defaultErrnoRet }),
    architectures: choices(profile['architectures'], 'architectures', architectures),
    flags: choices(profile['flags'], 'flags', flags),
    ...optionalText(profile, 'listenerPath'),
    ...optionalText(profile, 'listenerMetadata'),
    syscalls: rules.map((each, at) => rule(each, `syscalls[${at}]`)),
  };
}

function rule(value: unknown, path: string): Rule {
  const entry = read.record(value, path);
  const names = read.list(entry['names'], `${path}.names`, limits.names);
  if (names.length === 0) throw new ProfileError(`cannot read "${path}.names": the list is empty: expected a name`);
  const what = action(entry['action'], `${path}.action`);
  const errnoRet = errno(entry['errnoRet'], `${path}.errnoRet`, what);
  const conditions = read.list(entry['args'], `${path}.args`, limits.conditions);
  return {
    names: names.map((name, at) => read.text(name, `${path}.names[${at}]`)),
    action: what,
    ...(errnoRet !== undefined && { errnoRet }),
    args: conditions.map((each, at) => condition(each, `${path}.args[${at}]`)),
  };
}

function condition(value: unknown, path: string): Condition {
  const entry = read.record(value, path);
  const op = read.text(entry['op'], `${path}.op`);
  if (!isOperator(op)) throw new ProfileError(`cannot read "${path}.op": unknown operator ${JSON.stringify(op)}`);
  return {
    index: Number(read.integer(entry['index'], `${path}.index`, 5n)),
    value: read.integer(entry['value'], `${path}.value`, 2n ** 64n - 1n),
    valueTwo: read.integer(entry['valueTwo'] ?? 0, `${path}.valueTwo`, 2n ** 64n - 1n),
    op,
  };
}

function isOperator(text: string): text is Operator {
  return operators.includes(text);
}

function action(value: unknown, path: string): Action {
  const text = read.text(value, path);
  if (isAction(text)) return text;
  throw new ProfileError(`cannot read "${path}": unknown action ${JSON.stringify(text)}`);
}

function errno(value: unknown, path: string, what: Action): number | undefined {
  if (value === undefined || value === null) return undefined;
  const { dataMax } = actions[what];
  // OCI runtime-spec: a runtime must refuse a profile that gives an errno to an action that cannot return one.
  if (dataMax === 0) throw new ProfileError(`cannot read "${path}": ${what} returns no errno`);
  return Number(read.integer(value, path, BigInt(dataMax)));
}

function choices(value: unknown, path: string, known: readonly string[]): readonly string[] {
  return read.list(value, path, known.length).map((each, at) => {
    const text = read.text(each, `${path}[${at}]`);
    if (known.includes(text)) return text;
    throw new ProfileError(`cannot read "${path}[${at}]": unknown value ${JSON.stringify(text)}`);
  });
}

function optionalText<K extends string>(record: Readonly<Record<string, unknown>>, key: K): { [P in K]?: string } {
  const value = record[key];
  const result: { [P in K]?: string } = {};
  if (value !== undefined) result[key] = read.text(value, key);
  return result;
}
