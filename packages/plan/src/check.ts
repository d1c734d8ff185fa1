// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { limits } from './limits.ts';
import type { Op } from './op.ts';
import { quote } from './words.ts';

/**
 * What a plan is for: stage1 is started with a `main` one; an `app` line names that of an `app`, an `init` line that of the
 * first process (`init`); `start` is one by which a running pod starts an app that was not there at its start.
 */
export type PlanRole = 'main' | 'app' | 'init' | 'start';

/** Refuses a plan whose operations stand where stage1 does not take them. */
export function checkPlan(ops: readonly Op[], name: string, role: PlanRole = 'main'): void {
  const problem = orderProblem(ops) ?? roleProblem(ops, role) ?? countProblem(ops);
  const found =
    problem ?? ops.map((op, index) => opProblem(op, ops.slice(index + 1))).find((each) => each !== undefined);
  if (found !== undefined) throw new Failure(EXIT.dataRefused, `cannot accept plan ${quote(name)}: ${found}`);
}

function orderProblem(ops: readonly Op[]): string | undefined {
  if (ops.slice(1).some((op) => op.op === 'seal')) return 'an operation precedes seal';
  const early = ops.slice(0, -1).find((op) => isProgram(op) || op.op === 'supervise' || op.op === 'reap');
  return early === undefined ? undefined : `an operation follows ${early.op}`;
}

const PROGRAMS: readonly Op['op'][] = ['exec', 'fexecve'];

/** What a plan of each role may not have, and what it has to end in. */
const ROLES: Readonly<Record<PlanRole, { readonly foreign: readonly Op['op'][]; readonly ends: readonly Op['op'][] }>> =
  {
    main: { foreign: ['reap'], ends: [] },
    app: { foreign: ['app', 'clone', 'init', 'supervise', 'seal', 'reap'], ends: PROGRAMS },
    init: { foreign: ['app', 'clone', 'init', 'supervise', 'seal', ...PROGRAMS], ends: ['reap'] },
    start: { foreign: ['clone', 'init', 'supervise', 'seal', 'reap', ...PROGRAMS], ends: ['app'] },
  };

function roleProblem(ops: readonly Op[], role: PlanRole): string | undefined {
  const { foreign, ends } = ROLES[role];
  const found = ops.find(({ op }) => foreign.includes(op));
  const an = role === 'app' || role === 'init' ? 'an' : 'a';
  if (found !== undefined) return `${found.op} in ${an} ${role} plan`;
  if (role === 'main') return mainProblem(ops);
  const last = ops.at(-1);
  if (last !== undefined && ends.includes(last.op)) return undefined;
  return `${an} ${role} plan does not end in ${ends.join(' or ')}`;
}

/** What may follow the first process. */
const OF_PODS: ReadonlySet<string> = new Set(['app', 'close', 'open', 'supervise']);

/** A pod: one init, its apps, and who supervises them. */
function mainProblem(ops: readonly Op[]): string | undefined {
  const init = ops.findIndex(({ op }) => op === 'init');
  const early = ops.find(({ op }, index) => (op === 'app' || op === 'supervise') && (init < 0 || index < init));
  if (early !== undefined) return `no init precedes ${early.op}`;
  if (init < 0) return undefined;
  if (ops.at(-1)?.op !== 'supervise') return 'a plan with init does not end in supervise';
  const late = ops.slice(init + 1).find(({ op }) => !OF_PODS.has(op));
  return late === undefined ? undefined : `${late.op} follows init`;
}

function isProgram({ op }: Op): boolean {
  return PROGRAMS.includes(op);
}

function countProblem(ops: readonly Op[]): string | undefined {
  const count = (name: Op['op']): number => ops.filter(({ op }) => op === name).length;
  if (count('clone') > limits.clones) return `more than ${limits.clones} clone`;
  if (count('rmdir_after') > limits.removals) return `more than ${limits.removals} rmdir_after`;
  if (count('app') > limits.apps) return `more than ${limits.apps} app`;
  return count('seccomp') > limits.filters ? `more than ${limits.filters} seccomp` : undefined;
}

function opProblem(op: Op, rest: readonly Op[]): string | undefined {
  if (op.op === 'app' && !isBeneath(op.plan)) return `the plan of app ${quote(op.name)} is not beneath this one`;
  if (op.op === 'namespaces' && op.fd + op.flags.length > limits.descriptors) {
    return `the descriptors of namespaces do not fit below ${limits.descriptors}`;
  }
  if (NEEDS_CLONE.has(op.op) && rest.every((later) => later.op !== 'clone' && later.op !== 'init')) {
    return `no clone or init follows ${op.op}`;
  }
  return undefined;
}

/** What the parent of a clone or init is told beforehand. */
const NEEDS_CLONE: ReadonlySet<string> = new Set(['pipes', 'rmdir_after', 'terminal']);

function isBeneath(path: string): boolean {
  return !path.startsWith('/') && !path.split('/').includes('..');
}
