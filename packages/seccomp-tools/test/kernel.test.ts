// SPDX-License-Identifier: Apache-2.0
// Compares the simulator with the kernel. Needs a C compiler, no privilege.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  AUDIT_ARCH,
  BPF,
  compile,
  defaultProfile,
  RET,
  simulate,
  syscallName,
  syscallsOf,
  SYSCALL_TABLE,
  type Call,
  type Instruction,
} from '../src/index.ts';
import { borderCalls, specialNumbers } from './arbitrary.ts';
import { build, here, noCompiler, probe, scratch, writeFilter } from './programs-of-c.ts';
import { dockerShaped } from './docker-shaped.ts';

const arch = here ?? 'x86_64';
const skip = noCompiler;
const directory = scratch({ after });
const program = skip ? '' : build('probe', directory);
const numberOf = (name: string) => syscallsOf(arch).get(name) ?? assert.fail(name);
const callOf = (name: string, ...args: bigint[]): Call => ({ arch: AUDIT_ARCH[arch], nr: numberOf(name), args });

/** The same decisions, but each as an errno of its own, so that no call is carried out and each result tells its action. */
function harmless(filter: readonly Instruction[]): Instruction[] {
  return filter.map((each) => (each.code === BPF.RET ? { ...each, k: harmlessValue(each.k) } : each));
}

function harmlessValue(value: number): number {
  if (value === RET.ALLOW) return RET.ERRNO + 4000;
  return value - (value % 0x10000) === RET.ERRNO ? value + 2000 : value;
}

for (const [title, profile] of [
  ['default', defaultProfile()],
  ['docker-shaped', dockerShaped()],
] as const) {
  test(`simulate() decides as the kernel for all calls of the ${title} profile`, { skip }, () => {
    const filter = compile(profile, { arch });
    const calls = borderCalls(profile, arch).filter(
      (call) => call.arch === AUDIT_ARCH[arch] && !unfiltered.has(syscallName(arch, call.nr) ?? ''),
    );
    const path = writeFilter(harmless(filter), directory);
    for (let from = 0; from < calls.length; from += 60_000) {
      const some = calls.slice(from, from + 60_000);
      const results = probe([program, 'all', path], some);
      for (const [at, call] of some.entries()) {
        const wanted = harmlessValue(simulate(filter, call)) - RET.ERRNO;
        assert.equal(-(results[at] ?? 0), wanted, `${call.nr} ${String(call.args)}`);
      }
    }
  });
}

// The kernel lets these past every filter: its own trampolines make them, and it kills who else does.
const unfiltered = new Set(['uretprobe', 'uprobe']);

// Calls that would end, stop or double the process that makes them, wait for what never comes, leave something behind, or,
// as seccomp does, load a filter where there is none.
const unmakeable = new Set(
  'exit exit_group rt_sigreturn pause fork vfork clone rt_sigsuspend select pselect6 ppoll restart_syscall sync syncfs msgget msgrcv seccomp'.split(
    ' ',
  ),
);

test(
  'the kernel answers allowed calls as without the filter, and denied ones with the errno of simulate()',
  { skip },
  () => {
    const filter = compile(defaultProfile(), { arch });
    const skipped = new Set([...unfiltered, ...unmakeable]);
    const numbers = Array.from({ length: SYSCALL_TABLE.last + 1 }, (_, nr) => nr);
    const calls = [...numbers, ...specialNumbers]
      .filter((nr) => !skipped.has(syscallName(arch, nr) ?? ''))
      .map((nr) => ({ arch: AUDIT_ARCH[arch], nr }));
    const allowed = calls.filter((call) => simulate(filter, call) === RET.ALLOW);
    const denied = calls.filter((call) => simulate(filter, call) !== RET.ALLOW);
    assert.ok(allowed.length > 250 && denied.length > 150);
    const path = writeFilter(filter, directory);
    const outcome = (result: number) => (result >= 0 ? 'done' : result);
    const free = probe([program, 'each', '-'], allowed);
    const filtered = probe([program, 'each', path], allowed);
    for (const [at, { nr }] of allowed.entries()) {
      const [one, other] = [free[at] ?? 0, filtered[at] ?? 0];
      // What returns an address or a time differs from call to call, but is never an errno.
      const same = outcome(one) === outcome(other);
      assert.ok(same, `${syscallName(arch, nr)}: ${one} without, ${other} with the filter`);
    }
    const refused = probe([program, 'each', path], denied);
    for (const [at, call] of denied.entries()) {
      assert.equal(-(refused[at] ?? 0), simulate(filter, call) - RET.ERRNO, `${syscallName(arch, call.nr)} ${call.nr}`);
    }
  },
);

test('the kernel ignores the high word of what the tables call a 32-bit parameter', { skip }, () => {
  const garbage = 0x5a5a5a5an << 32n;
  const free = probe(
    [program, 'each', '-'],
    [
      callOf('socket', 1n + garbage, 1n + garbage, garbage),
      callOf('personality', 0xffffffffn + garbage),
      callOf('prctl', 3n + garbage),
      callOf('fcntl', 0n + garbage, 1n + garbage),
      callOf('ioctl', 0n + garbage, 0n + garbage),
      callOf('ioctl', 0n, 0n),
      callOf('fchmod', 99n, 0n),
    ],
  );
  const [socket = 0, personality = 0, dumpable = 0, getFd = 0, ioctl, plainIoctl, fchmod] = free;
  assert.ok(socket >= 0 && personality >= 0 && getFd >= 0, String(free));
  assert.ok(dumpable >= 0);
  assert.equal(ioctl, plainIoctl);
  assert.equal(fchmod, -9);
});

test('the kernel refuses what the default profile refuses, with and without garbage in the high word', { skip }, () => {
  const path = writeFilter(compile(defaultProfile(), { arch }), directory);
  for (const garbage of [0n, 1n << 32n, 0xffffffffn << 32n]) {
    const results = probe(
      [program, 'each', path],
      [
        callOf('ioctl', 0n, 0x5412n + garbage),
        callOf('ioctl', 0n, 0x541cn + garbage),
        callOf('socket', 38n + garbage, 5n),
        callOf('socket', 40n + garbage, 1n),
        callOf('socket', 16n, 3n, 9n + garbage),
        callOf('socketpair', 38n + garbage, 5n),
        callOf('clone', 0x10000000n + garbage),
        callOf('personality', 0x40000n + garbage),
        callOf('clone', 0x7e020000n + garbage),
      ],
    );
    assert.deepEqual(results, [-1, -1, -97, -97, -93, -97, -1, -38, -1]);
    const sockets = probe(
      [program, 'each', path],
      [
        callOf('socket', 1n + garbage, 1n),
        callOf('socket', 2n + garbage, 1n),
        callOf('socket', 16n + garbage, 3n, 0n + garbage),
        callOf('socket', 16n + garbage, 3n, 4n + garbage),
        callOf('personality', 0xffffffffn + garbage),
      ],
    );
    assert.ok(
      sockets.every((result) => result >= 0),
      String(sockets),
    );
  }
});

test('the kernel kills a process that enters as a 32-bit program', { skip: skip || arch !== 'x86_64' }, () => {
  const call = { arch: 0x40000003, nr: 20 };
  const [free = 0] = probe([program, 'compat', '-'], [call]);
  const filter = compile(defaultProfile(), { arch });
  assert.equal(simulate(filter, call), RET.KILL_PROCESS);
  // SIGSEGV: this kernel has no 32-bit entry at all.

  const [killed] = probe([program, 'compat', writeFilter(filter, directory)], [call]);
  assert.equal(killed, free === -1000011 ? free : -1000031);
});
