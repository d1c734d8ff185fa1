// SPDX-License-Identifier: Apache-2.0
import type { OptionTable } from '@rkt/command';

/** The options of rkt-pause. */
export const options = {
  'uuid-file': { type: 'string', describe: 'read the UUID from this file', value: 'FILE' },
} as const satisfies OptionTable;
