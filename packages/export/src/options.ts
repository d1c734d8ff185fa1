// SPDX-License-Identifier: Apache-2.0
import type { OptionTable } from '@rkt/command';

/** The options of rkt-export. */
export const options = {
  app: { type: 'string', value: 'NAME', describe: 'the app, if the pod has several' },
  overwrite: { type: 'boolean', describe: 'replace the file if it exists' },
  format: {
    type: 'string',
    value: 'FORMAT',
    choices: ['aci', 'oci', 'tar'],
    describe:
      'an image of appc, an archive of an image of the OCI, or the files alone in a tar; if not given, FILE ends in .aci or .tar',
  },
} as const satisfies OptionTable;
