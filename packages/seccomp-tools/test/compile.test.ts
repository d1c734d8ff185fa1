// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  AUDIT_ARCH,
  BPF,
  compile,
  decode,
  defaultProfile,
  describeReturn,
  encode,
  interpret,
  ProfileError,
  readProfile,
  run,
  simulate,
  syscallName,
  syscallsOf,
  unknownSyscalls,
  type Arch,
} from '../src/index.ts';
import * as arbitrary from './arbitrary.ts';
import { dockerShaped } from './docker-shaped.ts';

const archs = ['x86_64', 'aarch64'] as const satisfies Arch[];
const profiles = { default: defaultProfile(), 'docker-shaped': dockerShaped() };

test('compile() does what interpret() says for any profile and call', () => {
  fc.assert(
    fc.property(arbitrary.profile, fc.array(arbitrary.call, { minLength: 20, maxLength: 20 }), (profile, calls) => {
      const program = compile(profile, { arch: 'x86_64' });
      for (const call of calls) {
        assert.equal(simulate(program, call), interpret(profile, call, { arch: 'x86_64' }));
      }
    }),
    { numRuns: 300 },
  );
});

test('compile() does what interpret() says at every border of any profile', () => {
  fc.assert(
    fc.property(arbitrary.profile, (profile) => {
      const program = compile(profile, { arch: 'x86_64' });
      for (const name of ['read', 'socket', 'fchmod', 'clone']) {
        const nr = syscallsOf('x86_64').get(name) ?? -1;
        for (const args of arbitrary.borderArgs(profile, name)) {
          const call = { arch: AUDIT_ARCH.x86_64, nr, args };
          assert.equal(simulate(program, call), interpret(profile, call, { arch: 'x86_64' }));
        }
      }
    }),
    { numRuns: 60 },
  );
});

for (const [title, profile] of Object.entries(profiles)) {
  for (const arch of archs) {
    test(`compile() does what interpret() says for every number and border of the ${title} profile on ${arch}`, () => {
      const program = compile(profile, { arch });
      const calls = arbitrary.borderCalls(profile, arch);
      assert.ok(calls.length > 6000);
      for (const call of calls) {
        const wanted = interpret(profile, call, { arch });
        assert.equal(simulate(program, call), wanted, `${JSON.stringify(call.nr)} ${String(call.args)}`);
      }
    });

    test(`compile() leaves every unconditional ALLOW of the ${title} profile to the kernel's cache on ${arch}`, () => {
      const program = compile(profile, { arch });
      // The kernel gives a number up when it meets any other operation.
      const understood = new Set<number>(Object.values(BPF));
      assert.ok(program.every(({ code }) => understood.has(code)));
      const conditional = new Set(profile.syscalls.flatMap(({ names, args }) => (args.length > 0 ? names : [])));
      for (const [name, nr] of syscallsOf(arch)) {
        const { readsArguments } = run(program, { arch: AUDIT_ARCH[arch], nr });
        assert.equal(readsArguments, conditional.has(name), name);
      }
    });
  }
}

test('compile() stays small and shallow for the default profile', () => {
  const program = compile(defaultProfile(), { arch: 'x86_64' });
  assert.ok(program.length <= 150, `${program.length} instructions`);
  const steps = (name: string) =>
    run(program, { arch: AUDIT_ARCH.x86_64, nr: syscallsOf('x86_64').get(name) ?? -1 }).steps;
  assert.ok(steps('ioctl') <= 9, `${steps('ioctl')} steps for ioctl`);
  for (const [name] of syscallsOf('x86_64')) assert.ok(steps(name) <= 22, `${steps(name)} steps for ${name}`);
});

test('compile() kills calls of other machines, and answers x32 and newer numbers with ENOSYS', () => {
  const program = compile(readProfile({ defaultAction: 'SCMP_ACT_ALLOW' }), { arch: 'x86_64' });
  const result = (arch: number, nr: number) => describeReturn(simulate(program, { arch, nr }));
  assert.equal(result(AUDIT_ARCH.x86_64, 1), 'ALLOW');
  assert.equal(result(AUDIT_ARCH.x86_64, 469), 'ALLOW');
  assert.equal(result(AUDIT_ARCH.x86_64, 470), 'ERRNO(38)');
  assert.equal(result(AUDIT_ARCH.x86_64, 0x40000001), 'ERRNO(38)');
  assert.equal(result(AUDIT_ARCH.x86_64, 0xffffffff), 'ERRNO(38)');
  assert.equal(result(0x40000003, 1), 'KILL_PROCESS');
  assert.equal(result(AUDIT_ARCH.aarch64, 1), 'KILL_PROCESS');
});

test('compile() gives a number that the table leaves out the default action', () => {
  assert.equal(syscallName('x86_64', 400), undefined);
  const profile = readProfile({ defaultAction: 'SCMP_ACT_TRAP', syscalls: [] });
  assert.equal(
    describeReturn(simulate(compile(profile, { arch: 'x86_64' }), { arch: AUDIT_ARCH.x86_64, nr: 400 })),
    'TRAP',
  );
});

test('compile() lets the rule with the most conditions decide, and the first of equals', () => {
  const socket = syscallsOf('x86_64').get('socket') ?? -1;
  const equal = (index: number, value: number) => ({ index, value, op: 'SCMP_CMP_EQ' });
  const program = compile(
    readProfile({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [
        { names: ['socket'], action: 'SCMP_ACT_ERRNO', errnoRet: 10 },
        { names: ['socket'], action: 'SCMP_ACT_ERRNO', errnoRet: 11 },
        { names: ['socket'], action: 'SCMP_ACT_ERRNO', errnoRet: 12, args: [equal(0, 1)] },
        { names: ['socket'], action: 'SCMP_ACT_ALLOW', args: [equal(0, 1), equal(1, 2)] },
        { names: ['socket'], action: 'SCMP_ACT_ERRNO', errnoRet: 13, args: [equal(1, 2)] },
      ],
    }),
    { arch: 'x86_64' },
  );
  const result = (...args: bigint[]) =>
    describeReturn(simulate(program, { arch: AUDIT_ARCH.x86_64, nr: socket, args }));
  assert.equal(result(0n, 0n), 'ERRNO(10)');
  assert.equal(result(1n, 0n), 'ERRNO(12)');
  assert.equal(result(1n, 2n), 'ALLOW');
  assert.equal(result(0n, 2n), 'ERRNO(13)');
});

test('compile() ignores the bits of a register that the kernel ignores, and no others', () => {
  const rule = (name: string, value: number) => ({
    names: [name],
    action: 'SCMP_ACT_KILL_PROCESS',
    args: [{ index: 1, value, op: 'SCMP_CMP_EQ' }],
  });
  const profile = readProfile({
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [rule('ioctl', 0x5412), rule('fchmod', 0o4755), rule('mmap', 4096)],
  });
  const program = compile(profile, { arch: 'x86_64' });
  const result = (name: string, arg: bigint) => {
    const nr = syscallsOf('x86_64').get(name) ?? -1;
    return describeReturn(simulate(program, { arch: AUDIT_ARCH.x86_64, nr, args: [0n, arg] }));
  };
  for (const garbage of [0n, 1n << 32n, 1n << 63n]) assert.equal(result('ioctl', garbage + 0x5412n), 'KILL_PROCESS');
  for (const garbage of [0n, 1n << 16n, 1n << 31n, 1n << 40n]) {
    assert.equal(result('fchmod', garbage + 0o4755n), 'KILL_PROCESS');
  }
  assert.equal(result('mmap', 4096n), 'KILL_PROCESS');
  assert.equal(result('mmap', 4096n + (1n << 32n)), 'ALLOW');
});

test('compile() jumps over more than 255 instructions', () => {
  const values = Array.from({ length: 900 }, (_, at) => 7 * at + 1);
  const profile = readProfile({
    defaultAction: 'SCMP_ACT_KILL_PROCESS',
    syscalls: [
      ...values.slice(0, 450).map((value) => ({
        names: ['mmap'],
        action: 'SCMP_ACT_ALLOW',
        args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }],
      })),
      ...values.map((value) => ({
        names: ['ioctl'],
        action: value % 2 === 0 ? 'SCMP_ACT_ALLOW' : 'SCMP_ACT_LOG',
        args: [{ index: 1, value, op: 'SCMP_CMP_EQ' }],
      })),
    ].slice(0, 900),
  });
  // Through bytes, as a distance that does not fit into one would be cut there.
  const program = decode(encode(compile(profile, { arch: 'x86_64' })));
  assert.ok(program.length > 1000);
  assert.ok(program.some(({ code }) => code === BPF.JA));
  for (const call of arbitrary.borderCalls(profile, 'x86_64').slice(0, 40_000)) {
    assert.equal(simulate(program, call), interpret(profile, call, { arch: 'x86_64' }));
  }
});

test('compile() refuses what would not fit into a filter', () => {
  const args = [0, 1, 2, 3, 4].map((index) => ({ index, value: 7, op: 'SCMP_CMP_GT' }));
  const rules = (names: string[], count: number) =>
    Array.from({ length: count }, (_, at) => ({
      names,
      action: 'SCMP_ACT_ALLOW',
      args: args.map((each) => ({ ...each, value: each.value + at + 10_000 * (names[0] ?? '').length })),
    }));
  const compileRules = (syscalls: object[]) =>
    compile(readProfile({ defaultAction: 'SCMP_ACT_ERRNO', syscalls }), { arch: 'x86_64' });
  assert.throws(
    () => compileRules([...rules(['mmap'], 150), ...rules(['munmap'], 150), ...rules(['brk'], 150)]),
    (error) => error instanceof ProfileError && /instructions: the kernel takes 4096/.test(error.message),
  );
  assert.throws(
    () => compileRules(rules(['mmap'], 1000)),
    (error) => error instanceof ProfileError && /rules for mmap have 6000 parts/.test(error.message),
  );
});

test('unknownSyscalls() lists what the machine does not have', () => {
  assert.deepEqual(unknownSyscalls(dockerShaped(), { arch: 'x86_64' }), ['nosuchcall', 'socketcall']);
  assert.ok(unknownSyscalls(dockerShaped(), { arch: 'aarch64' }).includes('fork'));
});
