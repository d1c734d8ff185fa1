// SPDX-License-Identifier: Apache-2.0
import { trustOptions, type OptionTable } from '@rkt/command';

/** The options of rkt-verify. */
export const options = {
  store: { type: 'strings', value: 'DIR', describe: 'look for images in this store too, after the one of --dir' },
  policy: {
    type: 'string',
    value: 'FILE',
    describe: 'decide by this containers-policy.json(5) instead of the keys that are trusted',
  },
  ...trustOptions,
  format: {
    type: 'string',
    describe: 'print JSON, as verification.json has it, instead of lines',
    choices: ['json', 'json-pretty'],
    value: 'FORMAT',
  },
} as const satisfies OptionTable;
