// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AUDIT_ARCH, describeReturn, simulate, syscallsOf, type Arch } from 'seccomp-tools';
import { compileFilters, type FilterName } from '../src/index.ts';

/** What a filter says of a call by name, with its arguments 0 but for the first. */
function verdict(arch: Arch, filter: FilterName, { name, first = 0n }: { name: string; first?: bigint }): string {
  const nr = syscallsOf(arch).get(name);
  assert.ok(nr !== undefined, name);
  const program = compileFilters(arch).get(filter);
  assert.ok(program !== undefined, filter);
  return describeReturn(simulate(program, { arch: AUDIT_ARCH[arch], nr, args: [first, 0n, 0n, 0n, 0n, 0n] }));
}

const UNIX = 1n;
const INET = 2n;
const ALG = 38n;

for (const arch of ['x86_64', 'aarch64'] as const) {
  test(`compileFilters() lets clients have sockets of the internet and nobody else, on ${arch}`, () => {
    for (const [filter, family, wanted] of [
      ['client', INET, /ALLOW/],
      ['client', ALG, /ERRNO/],
      ['offline', INET, /ERRNO/],
      ['offline', UNIX, /ERRNO/],
      ['unix', UNIX, /ALLOW/],
      ['unix', INET, /ERRNO/],
      ['unix', ALG, /ERRNO/],
      ['mounts', INET, /ERRNO/],
    ] as const) {
      assert.match(verdict(arch, filter, { name: 'socket', first: family }), wanted, `${filter} ${family}`);
      assert.match(verdict(arch, filter, { name: 'socketpair', first: UNIX }), /ALLOW/);
    }
    assert.match(verdict(arch, 'offline', { name: 'connect' }), /ERRNO/);
    assert.match(verdict(arch, 'client', { name: 'connect' }), /ALLOW/);
    assert.match(verdict(arch, 'unix', { name: 'connect' }), /ALLOW/);
    for (const name of ['bind', 'listen', 'accept', 'accept4'])
      assert.match(verdict(arch, 'unix', { name }), /ERRNO/, name);
  });

  test(`compileFilters() lets mount who has to, and nobody trace, load or reboot, on ${arch}`, () => {
    for (const name of ['mount', 'setns', 'unshare', 'pivot_root', 'move_mount', 'clone3']) {
      assert.match(verdict(arch, 'mounts', { name }), /ALLOW/, name);
      assert.match(verdict(arch, 'offline', { name }), /ERRNO/, name);
      assert.match(verdict(arch, 'client', { name }), /ERRNO/, name);
    }
    for (const filter of ['client', 'offline', 'unix', 'mounts'] as const) {
      for (const name of ['ptrace', 'bpf', 'init_module', 'reboot', 'perf_event_open', 'kexec_load', 'add_key'])
        assert.match(verdict(arch, filter, { name }), /ERRNO/, `${filter} ${name}`);
      for (const name of ['read', 'openat', 'execve', 'fsync', 'renameat2'])
        assert.match(verdict(arch, filter, { name }), /ALLOW/);
    }
  });
}
