// SPDX-License-Identifier: Apache-2.0
import { getSystemErrorMap } from 'node:util';
import { printablePath } from './printable.ts';

/** What a message says of an unexpected error: the system's words without the path and call that Node adds. */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!('code' in error) || typeof error.code !== 'string') return error.message;
  const { code } = error;
  const known = [...getSystemErrorMap().values()].find(([name]) => name === code)?.[1];
  return known ?? error.message.replace(/^[A-Z0-9_]+: /, '').replace(/, [a-z]+( '.*)?$/s, '');
}

/** An error of the system in the words of a message, `cannot CALL "PATH": REASON`; undefined if it is another error. */
export function describe(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined;
  const path = pathOf(error);
  return `cannot ${String(error.syscall)}${path === undefined ? '' : ` "${printablePath(path)}"`}: ${reason(error)}`;
}

/** The path that a call was about: of a symbolic link its place, and not what it points at. */
function pathOf(error: Error): string | undefined {
  if ('syscall' in error && error.syscall === 'symlink' && 'dest' in error && typeof error.dest === 'string') {
    return error.dest;
  }
  return 'path' in error && typeof error.path === 'string' ? error.path : undefined;
}

/** Does something with what is open on a path; an error of the system names that path, where Node names none or another. */
export function nameIn<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) Object.assign(error, { path });
    throw error;
  }
}
