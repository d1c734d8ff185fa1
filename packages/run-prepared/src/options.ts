// SPDX-License-Identifier: Apache-2.0
import { type OptionTable } from '@rkt/command';

/** The options of rkt-run-prepared. */
export const options = {
  trace: { type: 'boolean', describe: 'print each operation of the plan with its microseconds on standard error' },
} as const satisfies OptionTable;

/** What help and man page say of it: the executable itself is a program in C. */
export const runPrepared = {
  name: 'rkt-run-prepared',
  synopsis: 'rkt-run-prepared [OPTION]... UUID',
  summary: 'run a prepared pod',
  options,
};
