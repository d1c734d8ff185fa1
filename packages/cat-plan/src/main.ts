// SPDX-License-Identifier: Apache-2.0
import type { Command } from '@rkt/command';
import { EXIT } from '@rkt/exit';
import { requireOwner, uuidOf } from '@rkt/inspect';
import { findPod } from '@rkt/pods';
import { options } from './options.ts';
import { plansOf, showPlan } from './plans.ts';

/** rkt-cat-plan: prints what root will do, or has done, to run a pod. */
export const catPlan: Command<typeof options> = {
  name: 'rkt-cat-plan',
  synopsis: 'rkt-cat-plan [--app=NAME] [--explain] UUID\nrkt-cat-plan [OPTION]... --uuid-file=FILE',
  summary: 'print the plans of a pod: everything that root does to run it',
  options,
  main: async (given, operands, context) => {
    const prefix = uuidOf(operands, given['uuid-file']);
    requireOwner(context.dir, 'read');
    const pod = findPod(context.dir, prefix);
    const plans = plansOf(pod, given.app);
    // The tables of system calls are read only by those who ask for words.
    const print = given.explain ? (await import('./explain.ts')).explainPlan : showPlan;
    for (const [index, plan] of plans.entries()) context.print((index === 0 ? '' : '\n') + print(plan));
    return EXIT.ok;
  },
};
