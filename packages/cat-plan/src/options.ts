// SPDX-License-Identifier: Apache-2.0
import type { OptionTable } from '@rkt/command';

/** The options of rkt-cat-plan. */
export const options = {
  app: { type: 'string', describe: 'print only the plan of this app', value: 'NAME' },
  explain: { type: 'boolean', describe: 'say in words what each line does, and list the system call filters' },
  'uuid-file': { type: 'string', describe: 'read the UUID from this file', value: 'FILE' },
} as const satisfies OptionTable;
