// SPDX-License-Identifier: Apache-2.0
import type { OptionTable } from '@rkt/command';

/** The options of rkt-version. */
export const options = {
  format: {
    type: 'string',
    describe: 'print JSON instead of lines',
    choices: ['json', 'json-pretty'],
    value: 'FORMAT',
  },
} as const satisfies OptionTable;
