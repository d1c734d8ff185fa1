// SPDX-License-Identifier: Apache-2.0
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode } from '@rkt/exit';
import { readText } from './read.ts';

/** The mount points at and below a path, deepest first, as this process sees them. */
export function mountsBelow(path: string): string[] {
  const found: string[] = [];
  for (const line of readText('/proc/self/mountinfo').split('\n')) {
    const point = line
      .split(' ')[4]
      ?.replace(/\\([0-7]{3})/g, (_, o: string) => String.fromCharCode(Number.parseInt(o, 8)));
    if (point !== undefined && (point === path || point.startsWith(`${path}/`))) found.push(point);
  }
  return found.toSorted((a, b) => b.length - a.length);
}

/** The names in a directory, none if there is no such directory. */
export function namesIn(path: string): string[] {
  try {
    return readdirSync(path).toSorted();
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

/** True if there is anything at the path itself. */
export function exists(...parts: readonly string[]): boolean {
  return lstatSync(join(...parts), { throwIfNoEntry: false }) !== undefined;
}
