// SPDX-License-Identifier: Apache-2.0
import { closeSync, createReadStream, realpathSync } from 'node:fs';
import { EXIT, Failure, hasCode } from '@rkt/exit';
import { openRegular } from '@rkt/files';
import { printable } from '@rkt/names';
import type { FetchOptions } from '../fetch-image.ts';
import { checkAci, nameAci, type ImportRequest, type StoredAci } from './import.ts';

/** Puts the ACI of a file into the store: read once to know what it is, and once more to be copied. */
export async function importFile(
  path: string,
  request: ImportRequest,
  { store, progress }: FetchOptions,
): Promise<StoredAci> {
  const fd = openFile(path);
  const read = (start: number) => createReadStream('', { fd, autoClose: false, start });
  try {
    const checked = await checkAci(read(0), request);
    store.requireSpaceFor([checked.aciBlob]);
    const track = progress.start(checked.aciBlob);
    try {
      // What is written is hashed again: the file may have changed meanwhile.
      track.end(await store.addBlob(checked.aciBlob, read));
    } catch (error) {
      track.end('failed');
      throw error;
    }
    return await nameAci(store, checked, request);
  } finally {
    closeSync(fd);
  }
}

// People keep a link to the newest of several files.
function openFile(path: string): number {
  try {
    const fd = openRegular(realpathSync(path));
    if (fd !== undefined) return fd;
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw error;
  }
  throw new Failure(EXIT.notFound, `cannot read ACI "${printable(path)}": no such file`);
}
