// SPDX-License-Identifier: Apache-2.0
import { ERRNO, RET, returnValue } from './actions.ts';
import { BPF, DATA, type Instruction } from './bpf.ts';
import { test } from './condition.ts';
import { emit } from './emit.ts';
import { ProfileError } from './error.ts';
import { Graph, type Node } from './graph.ts';
import type { Profile, Rule } from './profile.ts';
import { AUDIT_ARCH, parameterWidth, SYSCALL_TABLE, syscallName, syscallsOf, type Arch } from './syscalls.ts';
import { searchTree, type Interval } from './tree.ts';

/** The machine that a filter is for. */
export interface Target {
  readonly arch: Arch;
}

const conditionsMax = 1000;

// Calls that programs make so often that, if their arguments are checked, the check should be a few compares away:
// the kernel's cache of constant actions does not help a call whose arguments matter.
const frequent = new Set([
  'ioctl',
  'fcntl',
  'futex',
  'mmap',
  'mprotect',
  'read',
  'write',
  'openat',
  'close',
  'madvise',
]);

/**
 * Compiles a profile to a seccomp filter.
 *
 * - A call made by another ABI's entry, so with another `arch`, kills the process, whatever `architectures` lists.
 * - A number above the table of known calls, and with it every x32 number, fails with ENOSYS, as on an older kernel.
 * - A number that the table leaves out, and a call that no rule names, gets `defaultAction`.
 * - Of the rules that name a call and whose conditions all hold, the one with the most conditions decides, and of equally
 *   many the first: an exception to a general rule holds wherever it is written.
 */
export function compile(profile: Profile, { arch }: Target): Instruction[] {
  const graph = new Graph();
  const calls = searchTree(graph, intervals(graph, profile, arch));
  const native = graph.load(DATA.nr, calls);
  const kill = graph.ret(RET.KILL_PROCESS);
  return emit(graph.load(DATA.arch, graph.jump(BPF.JEQ, AUDIT_ARCH[arch], { yes: native, no: kill })));
}

/** The names in a profile that are no system call of the machine: `compile` skips them, as other machines have them. */
export function unknownSyscalls(profile: Profile, { arch }: Target): string[] {
  const known = syscallsOf(arch);
  return [...new Set(profile.syscalls.flatMap(({ names }) => names))].filter((name) => !known.has(name)).sort();
}

function intervals(graph: Graph, profile: Profile, arch: Arch): Interval[] {
  const rules = rulesByName(profile);
  const fallback = graph.ret(returnValue(profile.defaultAction, profile.defaultErrnoRet));
  const found: { start: number; node: Node; frequent: boolean }[] = [];
  for (let number = 0; number <= SYSCALL_TABLE.last; number++) {
    const name = syscallName(arch, number);
    const node = name === undefined ? fallback : decide(graph, name, { rules: rules.get(name) ?? [], fallback });
    const isFrequent = name !== undefined && frequent.has(name);
    if (found.at(-1)?.node !== node) found.push({ start: number, node, frequent: isFrequent });
  }
  const newer = graph.ret(RET.ERRNO + ERRNO.ENOSYS);
  if (found.at(-1)?.node !== newer) found.push({ start: SYSCALL_TABLE.last + 1, node: newer, frequent: false });
  return found.map(({ start, node, frequent: often }) => ({ start, node, weight: weigh(node, often, found.length) }));
}

/** A check of arguments weighs more than a constant action, which the kernel caches, and more in a large filter. */
function weigh(node: Node, often: boolean, count: number): number {
  if (node.kind === 'return') return 1;
  return often ? 4 * count : Math.ceil(count / 4);
}

/** Each call's rules, the most specific first. */
function rulesByName({ syscalls }: Profile): ReadonlyMap<string, readonly Rule[]> {
  const found = new Map<string, Rule[]>();
  for (const rule of syscalls) {
    for (const name of new Set(rule.names)) {
      const rules = found.get(name);
      if (rules === undefined) found.set(name, [rule]);
      else rules.push(rule);
    }
  }
  // Sorting is stable: of equally specific rules the first listed stays first.
  for (const [name, rules] of found) {
    refuseEndless(name, rules);
    rules.sort((a, b) => b.args.length - a.args.length);
  }
  return found;
}

/** A filter could not hold so many conditions, and a compiler that recurses over them would overflow its stack. */
function refuseEndless(name: string, rules: readonly Rule[]): void {
  const count = rules.reduce((sum, { args }) => sum + 1 + args.length, 0);
  if (count <= conditionsMax) return;
  throw new ProfileError(
    `cannot compile "the profile": its rules for ${name} have ${count} parts: expected at most ${conditionsMax}`,
  );
}

function decide(graph: Graph, name: string, choice: { rules: readonly Rule[]; fallback: Node }): Node {
  return choice.rules.reduceRight((otherwise, rule) => {
    const action = graph.ret(returnValue(rule.action, rule.errnoRet));
    return rule.args.reduceRight(
      (yes, condition) => test(graph, condition, { yes, no: otherwise, width: parameterWidth(name, condition.index) }),
      action,
    );
  }, choice.fallback);
}
