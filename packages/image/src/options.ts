// SPDX-License-Identifier: Apache-2.0
import { trustOptions, type OptionTable } from '@rkt/command';

/** The columns of `rkt image list`, in their order. */
export const FIELDS = ['id', 'name', 'size', 'importtime', 'lastused'] as const;

/** The options of `rkt-image list`. */
export const listOptions = {
  fields: {
    type: 'string',
    describe: `print these columns: a list of ${FIELDS.join(',')}`,
    default: FIELDS.join(','),
    value: 'FIELD,...',
  },
  sort: {
    type: 'string',
    describe: 'sort by this column',
    default: 'importtime',
    choices: ['name', 'importtime', 'lastused', 'size'],
    value: 'FIELD',
  },
  order: {
    type: 'string',
    describe: 'sort upwards or downwards',
    default: 'asc',
    choices: ['asc', 'desc'],
    value: 'ORDER',
  },
  'no-legend': { type: 'boolean', describe: 'leave out the line of column names' },
  full: { type: 'boolean', describe: 'print whole ids, sizes in bytes and absolute times' },
  format: {
    type: 'string',
    describe: 'print JSON instead of a table',
    choices: ['json', 'json-pretty'],
    value: 'FORMAT',
  },
} as const satisfies OptionTable;

/** The options of `rkt-image cat-manifest`. */
export const catManifestOptions = {
  'pretty-print': {
    type: 'boolean',
    describe: 'indent the JSON; --pretty-print=false prints the stored bytes',
    default: true,
  },
  config: { type: 'boolean', describe: 'print the configuration of the image instead of its manifest' },
} as const satisfies OptionTable;

/** The options of `rkt-image gc`. */
export const gcOptions = {
  'grace-period': {
    type: 'string',
    describe: 'keep what was written or used within this time',
    default: '24h',
    value: 'DURATION',
  },
} as const satisfies OptionTable;

/** The options of `rkt-image export`. */
export const exportOptions = {
  overwrite: { type: 'boolean', describe: 'replace the file if it exists' },
} as const satisfies OptionTable;

const digestOption = {
  type: 'string',
  value: 'DIGEST',
  describe: 'open this one, by a digest that `attestations` prints, instead of the one that says most',
} as const;

/** The options of `rkt-image attestations`. */
export const attestationsOptions = {
  full: { type: 'boolean', describe: 'print whole digests and sizes in bytes' },
  format: {
    type: 'string',
    describe: 'print JSON instead of lines',
    choices: ['json', 'json-pretty'],
    value: 'FORMAT',
  },
  ...trustOptions,
} as const satisfies OptionTable;

/** The options of `rkt-image provenance`. */
export const provenanceOptions = {
  digest: digestOption,
  format: {
    type: 'string',
    describe: 'print the predicate, which is JSON, instead of lines',
    choices: ['json', 'json-pretty'],
    value: 'FORMAT',
  },
  ...trustOptions,
} as const satisfies OptionTable;

/** The options of `rkt-image sbom`. */
export const sbomOptions = {
  digest: digestOption,
  packages: { type: 'boolean', describe: 'print name, version and address of each package instead of the document' },
  ...trustOptions,
} as const satisfies OptionTable;

/** The options of `rkt-image extract` and `rkt-image render`. */
export const extractOptions = {
  'rootfs-only': { type: 'boolean', describe: 'put the files of the image into the directory itself' },
  overwrite: { type: 'boolean', describe: 'remove the directory first if it exists' },
} as const satisfies OptionTable;
