// SPDX-License-Identifier: Apache-2.0
import type { OptionTable } from '@rkt/command';

/** The options of rkt-logs. */
export const options = {
  follow: { type: 'boolean', alias: 'f', describe: 'print what is written until the pod has ended' },
  since: { type: 'string', value: 'TIME', describe: 'leave out what is older: a time, or a duration before now' },
  until: { type: 'string', value: 'TIME', describe: 'leave out what is newer: a time, or a duration before now' },
  tail: { type: 'string', value: 'N', describe: 'print the last N lines only' },
  timestamps: { type: 'boolean', describe: 'print its time before each line' },
} as const satisfies OptionTable;
