// SPDX-License-Identifier: Apache-2.0
import type { OptionTable } from '@rkt/command';

/** The options of rkt-status. */
export const options = {
  wait: {
    type: 'string',
    describe: 'wait until the pod has ended, for this long at most',
    value: 'DURATION',
    implied: 'true',
  },
  'wait-ready': {
    type: 'string',
    describe: 'wait until the apps of the pod have been started, for this long at most',
    value: 'DURATION',
    implied: 'true',
  },
  format: {
    type: 'string',
    describe: 'print JSON instead of lines',
    choices: ['json', 'json-pretty'],
    value: 'FORMAT',
  },
  security: {
    type: 'boolean',
    describe: 'print what protects the host from each running app, and whether it is weaker than by default',
  },
  'uuid-file': { type: 'string', describe: 'read the UUID from this file', value: 'FILE' },
} as const satisfies OptionTable;
