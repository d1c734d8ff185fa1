// SPDX-License-Identifier: Apache-2.0
import { releaseUnusedRanges } from '@rkt/collect';
import type { Command } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { requireOwner, uuidsOf } from '@rkt/inspect';
import { options } from './options.ts';
import { removePod } from './remove.ts';

/** rkt-rm: deletes pods that do not run, at once. */
export const rm: Command<typeof options> = {
  name: 'rkt-rm',
  synopsis: 'rkt-rm UUID...\nrkt-rm --uuid-file=FILE',
  summary: 'remove pods that do not run',
  options,
  main: async ({ 'uuid-file': uuidFile }, operands, context) => {
    const prefixes = uuidsOf(operands, uuidFile);
    requireOwner(context.dir, 'remove');
    const failures: Failure[] = [];
    for (const prefix of prefixes) {
      try {
        context.print(`"${await removePod(context.dir, prefix)}"`);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        failures.push(error);
        context.note(error.message);
      }
    }
    releaseUnusedRanges(context.dir);
    return failures[0]?.status ?? EXIT.ok;
  },
};
