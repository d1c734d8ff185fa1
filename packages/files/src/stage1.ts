// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The directory of rkt's own programs and data that are not on PATH: where the bundle lies, or in a source tree where they are built. */
export function libraryDirectory(): string {
  const here = import.meta.dirname;
  return existsSync(join(here, 'stage1')) ? here : join(here, '..', '..', '..', 'dist', 'lib', 'rkt');
}

/** The absolute path of a program or file of rkt's own that is not on PATH, such as `stage1`. */
export function libraryFile(name: string): string {
  return join(libraryDirectory(), name);
}
