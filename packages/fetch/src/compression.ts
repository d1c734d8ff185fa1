// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import type { Compression } from '@rkt/formats';
import { printable } from '@rkt/names';

/** How many bytes tell how the others are compressed. */
export const HEAD_BYTES = 6;

/** How bytes are compressed, by how they begin; refuses what no layer and no archive may be compressed by. */
export function compressionOf(head: Buffer, what: string): Compression {
  const begins = (hex: string) => head.toString('hex').startsWith(hex);
  if (begins('1f8b')) return 'gzip';
  if (begins('28b52ffd')) return 'zstd';
  const unknown = begins('425a68') ? 'bzip2' : begins('fd377a585a00') ? 'xz' : undefined;
  if (unknown === undefined) return 'none';
  throw new Failure(
    EXIT.dataRefused,
    `cannot read "${printable(what)}": it is compressed by ${unknown}: wanted a tar archive, plain or compressed by gzip or zstd`,
  );
}
