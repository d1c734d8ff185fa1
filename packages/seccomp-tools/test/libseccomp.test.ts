// SPDX-License-Identifier: Apache-2.0
// Compares filters with those that libseccomp makes of the same rules. Needs a C compiler and libseccomp's headers.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, test } from 'node:test';
import fc from 'fast-check';
import {
  AUDIT_ARCH,
  compile,
  decode,
  defaultProfile,
  describeReturn,
  parameterWidth,
  returnValue,
  simulate,
  SYSCALL_TABLE,
  syscallName,
  type Call,
  type Instruction,
  type Profile,
} from '../src/index.ts';
import { borderCalls } from './arbitrary.ts';
import * as arbitrary from './arbitrary.ts';
import { dockerShaped } from './docker-shaped.ts';
import { build, noCompiler, scratch } from './programs-of-c.ts';

const hasHeaders = spawnSync('cc', ['-E', '-'], { input: '#include <seccomp.h>\n' }).status === 0;
const skip = noCompiler || (hasHeaders ? false : 'no libseccomp headers (libseccomp-dev) on this machine');
const program = skip ? '' : build('libseccomp', scratch({ after }), ['-lseccomp']);
const operators = ['', 'NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'].map((name) => `SCMP_CMP_${name}`);

/** The filter that libseccomp makes of a profile, and the names that it does not know. */
function withLibseccomp(profile: Profile): { filter: Instruction[]; unknown: ReadonlySet<string> } {
  const rules = profile.syscalls.flatMap(({ names, action, errnoRet, args }) =>
    names.map((name) => {
      const words = args.flatMap(({ index, op, value, valueTwo }) => [index, operators.indexOf(op), value, valueTwo]);
      return ['rule', returnValue(action, errnoRet), name, args.length, ...words].join(' ');
    }),
  );
  const text = [`default ${returnValue(profile.defaultAction, profile.defaultErrnoRet)}`, ...rules].join('\n');
  const { status, stdout, stderr } = spawnSync(program, { input: text });
  assert.equal(status, 0, String(stderr));
  return { filter: decode(stdout), unknown: new Set(String(stderr).split('\n')) };
}

const replaces = 'to it an unconditional rule replaces conditional ones';

/** Why libseccomp decides otherwise, if that is known. */
function reason(profile: Profile, call: Call, unknown: ReadonlySet<string>): string | undefined {
  if (call.arch !== AUDIT_ARCH.x86_64) return undefined;
  if (call.nr >= 0x40000000) return 'it takes x32 for a foreign machine and kills';
  if (call.nr > SYSCALL_TABLE.last) return 'it gives newer numbers the default action';
  const name = syscallName('x86_64', call.nr) ?? '';
  if (unknown.has(name)) return 'it does not know the name';
  const rules = profile.syscalls.filter(({ names }) => names.includes(name));
  const kinds = new Set(rules.map(({ args }) => args.length > 0));
  if (kinds.size === 2) return replaces;
  const seen = (call.args ?? []).some((arg, index) => BigInt.asUintN(parameterWidth(name, index), arg) !== arg);
  if (seen && kinds.has(true)) return 'it compares bits that the kernel ignores';
  return undefined;
}

/** How often each known reason explains a difference; fails at a difference without one. */
function differences(profile: Profile, calls: readonly Call[]): Record<string, number> {
  const ours = compile(profile, { arch: 'x86_64' });
  const { filter, unknown } = withLibseccomp(profile);
  const counts: Record<string, number> = {};
  for (const call of calls) {
    const [one, other] = [simulate(ours, call), simulate(filter, call)];
    if (one === other) continue;
    const why = reason(profile, call, unknown);
    const shown = `${call.arch} ${call.nr} ${String(call.args)}: ${describeReturn(one)}, libseccomp ${describeReturn(other)}`;
    assert.ok(why !== undefined, shown);
    counts[why] = (counts[why] ?? 0) + 1;
  }
  return counts;
}

for (const [title, profile] of [
  ['default', defaultProfile()],
  ['docker-shaped', dockerShaped()],
] as const) {
  test(`compile() and libseccomp agree on the ${title} profile but for what is listed`, { skip }, (t) => {
    const found = differences(profile, borderCalls(profile, 'x86_64'));
    t.diagnostic(JSON.stringify(found));
    assert.ok(!Object.hasOwn(found, replaces), 'its rules do not mean the same to every OCI runtime');
  });
}

test('compile() and libseccomp agree on arbitrary single conditions of 64-bit parameters', { skip }, () => {
  fc.assert(
    fc.property(arbitrary.profile, fc.array(arbitrary.call, { minLength: 50, maxLength: 50 }), (drawn, calls) => {
      const rule = drawn.syscalls.find(({ args }) => args.length > 0);
      fc.pre(rule !== undefined);
      // It refuses the greatest errno.
      const errnoRet = Math.min(rule.errnoRet ?? 0, 4094);
      const profile = {
        ...drawn,
        defaultErrnoRet: Math.min(drawn.defaultErrnoRet ?? 0, 4094),
        syscalls: [{ ...rule, errnoRet, names: ['mmap'], args: rule.args.slice(0, 1) }],
      };
      const bordering = arbitrary.borderArgs(profile, 'mmap').map((args) => ({ arch: AUDIT_ARCH.x86_64, nr: 9, args }));
      differences(profile, [...calls, ...bordering]);
    }),
    { numRuns: 60, endOnFailure: true },
  );
});
