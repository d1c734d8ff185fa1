// SPDX-License-Identifier: Apache-2.0
import { releaseUnusedRanges, removeLeftovers, underLayersLock } from '@rkt/collect';
import type { Command } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { parseDuration } from '@rkt/human';
import { requireOwner } from '@rkt/inspect';
import { printable } from '@rkt/names';
import type { GarbageRules } from './garbage.ts';
import { mark } from './mark.ts';
import { options } from './options.ts';
import { sweep } from './sweep.ts';

/** rkt-gc: marks pods that nothing runs any more, deletes those that were marked long enough ago. */
export const gc: Command<typeof options> = {
  name: 'rkt-gc',
  synopsis: 'rkt-gc [--grace-period=DURATION] [--expire-prepared=DURATION] [--mark-only]',
  summary: 'collect pods that nothing runs any more',
  options,
  main: async (given, operands, context) => {
    if (operands.length > 0) {
      throw new Failure(EXIT.usage, `cannot collect "${printable(operands[0] ?? '')}": wanted no operands: try rkt rm`);
    }
    const rules: GarbageRules = {
      dir: context.dir,
      graceMs: parseDuration(given['grace-period'], 'grace-period'),
      expireMs: parseDuration(given['expire-prepared'], 'expire-prepared'),
      now: Date.now,
      print: context.print,
      note: context.note,
      failures: [],
    };
    requireOwner(context.dir, 'collect');
    await mark(rules);
    if (!given['mark-only']) {
      await sweep(rules);
      releaseUnusedRanges(context.dir);
      // While somebody makes trees, what the dead have left can wait for the next run.
      underLayersLock(context.dir, () => removeLeftovers(context.dir));
    }
    return rules.failures[0]?.status ?? EXIT.ok;
  },
};
