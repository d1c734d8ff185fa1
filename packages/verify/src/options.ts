// SPDX-License-Identifier: Apache-2.0
import type { OptionTable } from '@rkt/command';

/** The options of rkt-verify. */
export const options = {
  store: { type: 'strings', value: 'DIR', describe: 'look for images in this store too, after the one of --dir' },
  policy: {
    type: 'string',
    value: 'FILE',
    describe: 'decide by this containers-policy.json(5) instead of the keys that are trusted',
  },
  'local-config': {
    type: 'string',
    value: 'DIR',
    default: '/etc/rkt',
    describe: 'the administrator’s directory of trusted keys and settings',
  },
  'system-config': {
    type: 'string',
    value: 'DIR',
    default: '/usr/lib/rkt',
    describe: 'the vendor’s directory of trusted keys and settings',
  },
  format: {
    type: 'string',
    describe: 'print JSON, as verification.json has it, instead of lines',
    choices: ['json', 'json-pretty'],
    value: 'FORMAT',
  },
} as const satisfies OptionTable;
