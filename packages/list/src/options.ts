// SPDX-License-Identifier: Apache-2.0
import type { OptionTable } from '@rkt/command';

/** The options of rkt-list. */
export const options = {
  'no-legend': { type: 'boolean', describe: 'leave out the line of column names' },
  full: { type: 'boolean', describe: 'print whole UUIDs, image ids and absolute times' },
  format: {
    type: 'string',
    describe: 'print JSON instead of a table',
    choices: ['json', 'json-pretty'],
    value: 'FORMAT',
  },
} as const satisfies OptionTable;
