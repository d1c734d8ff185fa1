// SPDX-License-Identifier: Apache-2.0
import type { OptionTable } from '@rkt/command';

/** The options of rkt-gc. */
export const options = {
  'grace-period': {
    type: 'string',
    describe: 'keep an exited pod for this long after it has been marked',
    default: '30m',
    value: 'DURATION',
  },
  'expire-prepared': {
    type: 'string',
    describe: 'collect prepared pods that nobody has run for this long',
    default: '24h',
    value: 'DURATION',
  },
  'mark-only': { type: 'boolean', describe: 'mark exited pods and failed preparations, delete nothing' },
} as const satisfies OptionTable;
