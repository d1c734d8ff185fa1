// SPDX-License-Identifier: Apache-2.0
import { type OptionTable } from '@rkt/command';

/** The options of rkt-enter. */
export const options = {
  app: { type: 'string', value: 'NAME', describe: 'the app to enter, if the pod has several' },
} as const satisfies OptionTable;
