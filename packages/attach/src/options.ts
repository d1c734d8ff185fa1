// SPDX-License-Identifier: Apache-2.0
import type { OptionTable } from '@rkt/command';

/** The options of rkt-attach. */
export const options = {
  app: { type: 'string', value: 'NAME', describe: 'the app, if the pod has several' },
  mode: {
    type: 'string',
    value: 'MODE',
    default: 'auto',
    describe: 'auto for all streams of the app, list to print which it has, or some of them, joined by commas',
  },
  'detach-keys': {
    type: 'string',
    value: 'KEYS',
    default: 'ctrl-p,ctrl-q',
    describe: 'the keys that end the connection and not the app, on a terminal',
  },
} as const satisfies OptionTable;
