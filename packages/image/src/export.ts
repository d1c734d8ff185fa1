// SPDX-License-Identifier: Apache-2.0
import { createWriteStream, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Command } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { exists, renameDurably, temporaryBeside } from '@rkt/files';
import { printable } from '@rkt/names';
import { findImage, requireStore } from './images.ts';
import { exportOptions } from './options.ts';

/** rkt-image export: an image as an archive that other tools read. */
export const exportImage: Command<typeof exportOptions> = {
  name: 'rkt-image',
  synopsis: 'rkt-image export [--overwrite] IMAGE FILE',
  summary: 'write an image to an OCI archive',
  options: exportOptions,
  main: async ({ overwrite }, operands, context) => {
    const [text, file, ...more] = operands;
    if (text === undefined || file === undefined || more.length > 0) {
      throw new Failure(EXIT.usage, `cannot use ${operands.length} operands: wanted IMAGE and FILE: try --help`);
    }
    const path = resolve(file);
    if (exists(path) && !overwrite) {
      throw new Failure(EXIT.usage, `cannot write "${printable(path)}": it exists: try --overwrite`);
    }
    const store = requireStore(context);
    const { digest, name } = findImage(store, text);
    const temporary = temporaryBeside(path);
    try {
      await pipeline(
        await store.exportArchive(digest, name),
        createWriteStream(temporary, { flags: 'wx', flush: true }),
      );
      renameDurably(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
    return EXIT.ok;
  },
};
