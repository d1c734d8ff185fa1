// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { libraryFile } from '@rkt/files';

/** What stage1 found the kernel to have: a number for each name; undefined if stage1 cannot be executed. */
export function features(): Readonly<Record<string, number>> | undefined {
  const { status, stdout } = spawnSync(libraryFile('stage1'), ['--features'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return status === 0 ? parseFeatures(stdout) : undefined;
}

/** Reads the lines `NAME=NUMBER`; other lines are left out. */
export function parseFeatures(text: string): Readonly<Record<string, number>> {
  const pairs = [...text.matchAll(/^([a-z0-9_]+)=(\d+)$/gm)].map(([, name = '', value = '']) => [name, Number(value)]);
  return Object.fromEntries(pairs);
}
