// SPDX-License-Identifier: Apache-2.0
import type { OptionTable } from '@rkt/command';

/** The options of rkt-fetch. */
export const options = {
  'pull-policy': {
    type: 'string',
    default: 'update',
    choices: ['new', 'never', 'update'],
    describe: 'ask the source only for images that are not in the store, never, or always',
    value: 'POLICY',
  },
  check: {
    type: 'boolean',
    describe: 'hash what the store has of the images, and fetch again what is damaged or missing',
  },
  platform: {
    type: 'string',
    describe: 'the platform to choose from an index, OS/ARCHITECTURE[/VARIANT], instead of this machine',
    value: 'PLATFORM',
  },
  'insecure-options': {
    type: 'string',
    default: 'none',
    describe: 'what not to insist on, separated by commas: http allows registries without TLS, tls any certificate',
    value: 'LIST',
  },
  authfile: {
    type: 'string',
    describe: 'read credentials from this file and no other, - is standard input',
    value: 'FILE',
  },
  'token-host': {
    type: 'strings',
    describe: 'send credentials to this token server of another domain too',
    value: 'HOST',
  },
  lookaside: {
    type: 'string',
    describe:
      'look for signatures of containers-signature(5) in this directory or below this URL, whatever registries.d says',
    value: 'PLACE',
  },
  signature: {
    type: 'string',
    describe: "keep this file as the signature of the IMAGE, which is one in appc's format, and look for no other",
    value: 'FILE',
  },
  sbom: { type: 'boolean', describe: 'keep lists of components that are attached to the image, too' },
  'system-config': {
    type: 'string',
    default: '/usr/lib/rkt',
    describe: "read the vendor's auth.d in this directory",
    value: 'DIR',
  },
  'local-config': {
    type: 'string',
    default: '/etc/rkt',
    describe: "read the administrator's auth.d in this directory",
    value: 'DIR',
  },
  'user-config': { type: 'string', describe: 'read auth.d in this directory too', value: 'DIR' },
  full: { type: 'boolean', describe: 'print whole image ids' },
  format: {
    type: 'string',
    describe: 'print JSON instead of image ids',
    choices: ['json', 'json-pretty'],
    value: 'FORMAT',
  },
  quiet: { type: 'boolean', alias: 'q', describe: 'show no progress' },
} as const satisfies OptionTable;
