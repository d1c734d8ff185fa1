// SPDX-License-Identifier: Apache-2.0
import type { Command } from '@rkt/command';
import { EXIT } from '@rkt/exit';
import { printJson } from '@rkt/human';
import { requireOwner, uuidOf } from '@rkt/inspect';
import { findPod, readPod } from '@rkt/pods';
import { options } from './options.ts';

/** rkt-cat-manifest: prints the manifest of a pod. */
export const catManifest: Command<typeof options> = {
  name: 'rkt-cat-manifest',
  synopsis: 'rkt-cat-manifest [--pretty-print=false] UUID\nrkt-cat-manifest [OPTION]... --uuid-file=FILE',
  summary: 'print the manifest of a pod',
  options,
  main: (given, operands, context) => {
    const prefix = uuidOf(operands, given['uuid-file']);
    requireOwner(context.dir, 'read');
    const manifest = readPod(findPod(context.dir, prefix));
    context.print(printJson(manifest, given['pretty-print'] ? 'json-pretty' : 'json'));
    return EXIT.ok;
  },
};
