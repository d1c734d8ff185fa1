// SPDX-License-Identifier: Apache-2.0
import type { OptionTable } from '@rkt/command';

/** The options of rkt-top. */
export const options = {
  once: { type: 'boolean', describe: 'print one table and exit, also on a terminal' },
  delay: {
    type: 'string',
    value: 'DURATION',
    describe: 'time between two looks: 2s on a terminal and 500ms for one table if not given',
  },
  'no-legend': { type: 'boolean', describe: 'leave out the line of column names' },
  format: {
    type: 'string',
    describe: 'print JSON instead of a table, once',
    choices: ['json', 'json-pretty'],
    value: 'FORMAT',
  },
} as const satisfies OptionTable;
