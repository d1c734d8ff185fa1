// SPDX-License-Identifier: Apache-2.0
// What the races need of rkt itself.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..', '..');
export const bin = join(root, 'dist', 'bin');

/** The directory of a test image, which is built if it is not there. */
export function imageOf(name: string): string {
  return execFileSync(join(root, 'scripts', 'images'), [name], { encoding: 'utf8' }).trim();
}

/** Runs one of our executables and returns what it printed. */
export function rkt(command: string, ...args: readonly string[]): string {
  return execFileSync(join(bin, `rkt-${command}`), args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}
