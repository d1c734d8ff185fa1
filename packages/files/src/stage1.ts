// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, Failure } from '@rkt/exit';

/** The directory of rkt's own programs and data that are not on PATH: where the bundle lies, or in a source tree where they are built. */
export function libraryDirectory(): string {
  const here = import.meta.dirname;
  return existsSync(join(here, 'stage1')) ? here : join(here, '..', '..', '..', 'dist', 'lib', 'rkt');
}

/** The absolute path of a program or file of rkt's own that is not on PATH, such as `stage1`. */
export function libraryFile(name: string): string {
  return join(libraryDirectory(), name);
}

/** Executes a short plan of our own with stage1 and waits; what stage1 says if it fails, undefined if it does not. */
export function runStage1(plan: string): string | undefined {
  const { status, stderr, error } = spawnSync(libraryFile('stage1'), [plan], {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status === 0) return undefined;
  return error?.message ?? (stderr.trim().split('\n')[0] || `stage1 ended with ${String(status)}`);
}

/**
 * What the running kernel has, as stage1 finds out: a number for each name, such as the Landlock ABI.
 *
 * A failure is no answer: whoever restricts something by what the kernel has would restrict it less.
 */
export function kernelFeatures(): Readonly<Record<string, number>> {
  const { status, stdout, error } = spawnSync(libraryFile('stage1'), ['--features'], { encoding: 'utf8' });
  if (status === 0) return parseFeatures(stdout);
  const why = error?.message ?? `it ended with ${status === null ? 'a signal' : String(status)}`;
  throw new Failure(EXIT.system, `cannot ask "${libraryFile('stage1')}" what the kernel has: ${why}`);
}

/** Reads the lines `NAME=NUMBER`; other lines are left out. */
export function parseFeatures(text: string): Readonly<Record<string, number>> {
  const pairs = [...text.matchAll(/^([a-z0-9_]+)=(\d+)$/gm)].map(([, name = '', value = '']) => [name, Number(value)]);
  return Object.fromEntries(pairs);
}
