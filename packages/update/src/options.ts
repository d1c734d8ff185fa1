// SPDX-License-Identifier: Apache-2.0
import type { OptionTable } from '@rkt/command';
import { limitOptions, podLimitOptions } from '@rkt/isolators';

/** The options of rkt-update: all limits that can change while an app runs. */
export const options = {
  ...limitOptions,
  ...podLimitOptions,
  'uuid-file': { type: 'string', describe: 'read the UUID from this file', value: 'FILE' },
} as const satisfies OptionTable;
