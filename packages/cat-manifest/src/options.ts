// SPDX-License-Identifier: Apache-2.0
import type { OptionTable } from '@rkt/command';

/** The options of rkt-cat-manifest. */
export const options = {
  'pretty-print': { type: 'boolean', describe: 'indent the JSON; --pretty-print=false prints one line', default: true },
  'uuid-file': { type: 'string', describe: 'read the UUID from this file', value: 'FILE' },
} as const satisfies OptionTable;
