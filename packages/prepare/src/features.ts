// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { EXIT, Failure } from '@rkt/exit';
import { libraryFile } from '@rkt/files';

/** What the running kernel can do, as `stage1 --features` finds out. */
export interface Features {
  /** The version of the Landlock ABI, 0 without Landlock. */
  readonly landlock: number;
}

/** Asks stage1 for the features of this kernel. */
export function features(): Features {
  const { status, stdout, error } = spawnSync(libraryFile('stage1'), ['--features'], { encoding: 'utf8' });
  if (status !== 0)
    throw new Failure(EXIT.system, `cannot ask stage1 for features: ${error?.message ?? `status ${String(status)}`}`);
  return { landlock: Number(/^landlock=(\d+)$/m.exec(stdout)?.[1] ?? 0) };
}
