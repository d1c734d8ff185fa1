// SPDX-License-Identifier: Apache-2.0
import type { OptionTable } from '@rkt/command';

/** The options of rkt-app-control. */
export const options = {
  app: { type: 'string', value: 'NAME', describe: 'name of the app' },
  timeout: {
    type: 'number',
    value: 'SECONDS',
    default: 10,
    describe: 'how long an app may take to end after its stop signal; 0 kills it at once',
  },
  'no-legend': { type: 'boolean', describe: 'leave out the line of column names' },
  format: {
    type: 'string',
    describe: 'print JSON instead of lines',
    choices: ['json', 'json-pretty'],
    value: 'FORMAT',
  },
} as const satisfies OptionTable;
