// SPDX-License-Identifier: Apache-2.0
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { printable } from '@rkt/names';

/**
 * Says of each file of `paths.d` that it is not read: CoreOS rkt found its data directory there, rkt does by `--dir` or a link.
 * See decision 23.
 */
export function mentionPathsConfig(directories: readonly string[], note: (message: string) => void): void {
  for (const directory of directories.map((path) => join(path, 'paths.d'))) {
    for (const name of namesIn(directory).filter((file) => file.endsWith('.json'))) {
      note(
        `not reading "${printable(join(directory, name))}": wanted --dir, or a link in the place of the data directory`,
      );
    }
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).toSorted();
  } catch {
    // Not there, or not for us: then it says nothing.
    return [];
  }
}
