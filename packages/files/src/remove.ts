// SPDX-License-Identifier: Apache-2.0
import { lstatSync, readdirSync, readFileSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, Failure, hasCode } from '@rkt/exit';

/** The mount points at and below a path, deepest first, as this process sees them. */
export function mountsBelow(path: string): string[] {
  const found: string[] = [];
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const point = line
      .split(' ')[4]
      ?.replace(/\\([0-7]{3})/g, (_, o: string) => String.fromCharCode(Number.parseInt(o, 8)));
    if (point !== undefined && (point === path || point.startsWith(`${path}/`))) found.push(point);
  }
  return found.toSorted((a, b) => b.length - a.length);
}

/**
 * Removes a directory tree that nobody uses any more, never following a symbolic link and never crossing a mount.
 *
 * A tree that is gone already is fine. Names are bytes: they need not be UTF-8.
 */
export function removeTree(path: string): void {
  const [mounted] = mountsBelow(path);
  if (mounted !== undefined) throw new Failure(EXIT.system, `cannot remove "${path}": "${mounted}" is mounted`);
  try {
    removeBelow(Buffer.from(path), lstatSync(path).dev);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

function removeBelow(path: Buffer, device: number): void {
  const status = lstatSync(path);
  if (!status.isDirectory()) return unlinkSync(path);
  if (status.dev !== device) {
    throw new Failure(EXIT.system, `cannot remove "${path.toString()}": another file system is mounted there`);
  }
  for (const name of readdirSync(path, { encoding: 'buffer' })) {
    removeBelow(Buffer.concat([path, Buffer.from('/'), name]), device);
  }
  return rmdirSync(path);
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
