// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { limits } from './limits.ts';
import type { Op } from './op.ts';
import { quote } from './words.ts';

/** What a plan is for: the one that stage1 is started with, or one that an `app` line names. */
export type PlanRole = 'main' | 'app';

/** Refuses a plan whose operations stand where stage1 does not take them. */
export function checkPlan(ops: readonly Op[], name: string, role: PlanRole = 'main'): void {
  const problem = endProblem(ops) ?? (role === 'app' ? appPlanProblem(ops) : undefined) ?? countProblem(ops);
  const found =
    problem ?? ops.map((op, index) => opProblem(op, ops.slice(index + 1))).find((each) => each !== undefined);
  if (found !== undefined) throw new Failure(EXIT.dataRefused, `cannot accept plan ${quote(name)}: ${found}`);
}

function endProblem(ops: readonly Op[]): string | undefined {
  if (ops.slice(1).some((op) => op.op === 'seal')) return 'an operation precedes seal';
  const early = ops.slice(0, -1).find((op) => isProgram(op) || op.op === 'supervise');
  return early === undefined ? undefined : `an operation follows ${early.op}`;
}

function appPlanProblem(ops: readonly Op[]): string | undefined {
  const foreign = ops.find(({ op }) => op === 'app' || op === 'supervise' || op === 'clone' || op === 'seal');
  if (foreign !== undefined) return `${foreign.op} in the plan of an app`;
  return ops.slice(-1).some(isProgram) ? undefined : 'the plan of an app does not end in exec or fexecve';
}

function isProgram({ op }: Op): boolean {
  return op === 'exec' || op === 'fexecve';
}

function countProblem(ops: readonly Op[]): string | undefined {
  const count = (name: Op['op']): number => ops.filter(({ op }) => op === name).length;
  if (count('clone') > limits.clones) return `more than ${limits.clones} clone`;
  if (count('rmdir_after') > limits.removals) return `more than ${limits.removals} rmdir_after`;
  if (count('app') >= limits.plans) return `more than ${limits.plans - 1} app`;
  return count('seccomp') > limits.filters ? `more than ${limits.filters} seccomp` : undefined;
}

function opProblem(op: Op, rest: readonly Op[]): string | undefined {
  if (op.op === 'app' && !isBeneath(op.plan)) return `the plan of app ${quote(op.name)} is not beneath this one`;
  if (op.op === 'namespaces' && op.fd + op.flags.length > limits.descriptors) {
    return `the descriptors of namespaces do not fit below ${limits.descriptors}`;
  }
  if (NEEDS_CLONE.has(op.op) && rest.every((later) => later.op !== 'clone')) {
    return `no clone follows ${op.op}`;
  }
  return undefined;
}

/** What the parent of a clone is told beforehand. */
const NEEDS_CLONE: ReadonlySet<string> = new Set(['pipes', 'rmdir_after', 'terminal']);

function isBeneath(path: string): boolean {
  return !path.startsWith('/') && !path.split('/').includes('..');
}
