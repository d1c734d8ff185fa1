// SPDX-License-Identifier: Apache-2.0
import type { OptionTable } from '@rkt/command';

/** The options of rkt-trust. */
export const options = {
  prefix: { type: 'string', value: 'PREFIX', describe: 'trust for this image name and the names below it' },
  root: { type: 'boolean', describe: 'trust for every image name' },
  'skip-fingerprint-review': { type: 'boolean', describe: 'trust without showing the key and asking' },
  'insecure-allow-http': { type: 'boolean', describe: 'get keys by http, where anybody on the way can exchange them' },
  'trust-keys-from-https': {
    type: 'boolean',
    describe: 'do not ask about keys that were discovered by https; this proves no more than who has the web server',
  },
  list: { type: 'boolean', describe: 'list who is trusted: for the prefix, or all' },
  remove: {
    type: 'strings',
    value: 'FINGERPRINT',
    describe: 'trust this key no longer: remove its file, or mask it where the file is not ours to remove',
  },
  'no-legend': { type: 'boolean', describe: 'leave out the line of column names' },
  format: {
    type: 'string',
    describe: 'print the list as JSON',
    choices: ['json', 'json-pretty'],
    value: 'FORMAT',
  },
  'local-config': {
    type: 'string',
    value: 'DIR',
    default: '/etc/rkt',
    describe: 'the administrator’s directory: keys are written below it',
  },
  'system-config': {
    type: 'string',
    value: 'DIR',
    default: '/usr/lib/rkt',
    describe: 'the vendor’s directory',
  },
} as const satisfies OptionTable;
