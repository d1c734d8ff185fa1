// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync } from 'node:fs';
import { EXIT, Failure, hasCode, nameIn } from '@rkt/exit';
import { readBounded } from '@rkt/files';
import { DOCUMENT_BYTES_MAX } from '@rkt/formats';
import { printable } from '@rkt/names';

/** The content of a file that the user names; it may be a pipe. */
export function readGivenFile(path: string): Buffer {
  try {
    const fd = nameIn(path, () => openSync(path, 'r'));
    try {
      return readBounded(fd, path, DOCUMENT_BYTES_MAX);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ENOTDIR', 'EISDIR')) throw error;
    const why = error.code === 'EISDIR' ? 'it is a directory' : 'no such file';
    throw new Failure(EXIT.notFound, `cannot read "${printable(path)}": ${why}`, { cause: error });
  }
}
