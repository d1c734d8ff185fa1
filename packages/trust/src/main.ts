// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import type { Command } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { addKeys } from './add.ts';
import { listKeys } from './list.ts';
import { options } from './options.ts';
import { removeKeys } from './remove.ts';
import { scopeOf } from './scope.ts';

/** rkt-trust: says who may speak for which image names. */
export const trust: Command<typeof options> = {
  name: 'rkt-trust',
  synopsis:
    'rkt-trust --prefix=PREFIX|--root [OPTION]... [PUBKEY]...\nrkt-trust --list [--prefix=PREFIX|--root]\nrkt-trust --remove=FINGERPRINT... [--prefix=PREFIX|--root]',
  summary: 'trust keys for image names',
  options,
  main: async (given, operands, context) => {
    const scope = scopeOf(given);
    const directories = { system: resolve(given['system-config']), local: resolve(given['local-config']) };
    const { list, remove: names } = given;
    if (list || names.length > 0) {
      if (list && names.length > 0) throw new Failure(EXIT.usage, '--list and --remove usage mutually exclusive');
      if (operands.length > 0)
        throw new Failure(EXIT.usage, `cannot use ${operands.length} PUBKEY: wanted none with --list and --remove`);
      return list
        ? listKeys({ directories, scope, format: given.format, legend: !given['no-legend'], context })
        : removeKeys({ directories, scope, names, context });
    }
    if (scope === undefined) {
      throw new Failure(
        EXIT.usage,
        'aborting due to implicit unbounded trust: wanted --prefix=PREFIX, or --root for every image',
      );
    }
    return addKeys({ given, scope, operands, context });
  },
};
