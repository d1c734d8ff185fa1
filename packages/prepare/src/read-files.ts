// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';

/** The files of the tree that `unpack` prints when it is done, one character for each byte. */
export interface ReadFiles {
  readonly passwd: string;
  readonly group: string;
  /** The names of the extended attributes of users that the root directory has. */
  readonly xattrs: readonly string[];
}

/** Reads what `unpack` prints: for each file a line `PATH SIZE` and its bytes. */
export function parseReadFiles(text: string): ReadFiles {
  const files = new Map<string, string>();
  let at = 0;
  while (at < text.length) {
    const end = text.indexOf('\n', at);
    const match = end < 0 ? null : /^([a-z/]+) (\d+)$/.exec(text.slice(at, end));
    const size = Number(match?.[2]);
    if (!match || end + 1 + size > text.length)
      throw new Failure(EXIT.system, 'cannot read the output of unpack: it is cut short');
    files.set(match[1] ?? '', text.slice(end + 1, end + 1 + size));
    at = end + 1 + size;
  }
  const names = (files.get('xattrs') ?? '').split('\0');
  return {
    passwd: files.get('etc/passwd') ?? '',
    group: files.get('etc/group') ?? '',
    xattrs: names.filter((name) => name.startsWith('user.')),
  };
}
