// SPDX-License-Identifier: Apache-2.0
import { closeSync, fstatSync, lstatSync, readFileSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { EXIT, Failure, hasCode } from '@rkt/exit';
import { namesIn, openRegular, readBounded } from '@rkt/files';
import { printable } from '@rkt/names';

/** Reads files that decide about trust, and refuses those that somebody else could have written. */
export interface StrictReader {
  /** The content of a file; undefined if there is none. */
  readonly read: (path: string, limitBytes: number) => Buffer | undefined;
  /** The names in a directory, sorted; undefined if there is none. */
  readonly list: (path: string) => readonly string[] | undefined;
  /** What is at the path, checked with all that is above it; undefined if there is nothing. */
  readonly look: (path: string) => Stats | undefined;
}

/** How many names a directory of keys may have. */
const NAMES_MAX = 4096;

const WRITABLE_BY_OTHERS = 0o022;

/**
 * Makes a reader that is as strict as sshd is with keys: every component of a path belongs to root, or to the user
 * who runs this, nobody else may write to it, and none is a symbolic link.
 *
 * A component that was found so cannot be changed by anybody else afterwards: it is looked at once.
 */
export function makeStrictReader(uid: number = process.geteuid?.() ?? 0): StrictReader {
  const owners: ReadonlySet<number> = new Set([rootId(), uid]);
  const seen = new Map<string, Stats>();

  const look = (path: string): Stats | undefined => {
    if (!path.startsWith('/')) throw new Error(`not an absolute path: ${path}`);
    const known = seen.get(path);
    if (known !== undefined) return known;
    if (path !== '/' && look(dirname(path))?.isDirectory() !== true) return undefined;
    const status = lookAt(path);
    if (status === undefined) return undefined;
    requireStrict(path, status, owners);
    seen.set(path, status);
    return status;
  };

  return {
    look,
    read: (path, limitBytes) => (look(path) === undefined ? undefined : readStrict(path, { limitBytes, owners })),
    list: (path) => {
      const status = look(path);
      if (status === undefined) return undefined;
      if (!status.isDirectory()) throw unsafe(path, 'it is not a directory', 'a directory');
      const names = namesOf(path);
      if (names.length > NAMES_MAX) throw unsafe(path, `it has ${names.length} names`, `at most ${NAMES_MAX}`);
      return names;
    },
  };
}

/**
 * The number that root of the machine has here. In a user namespace that does not know it, it looks like everybody whom
 * the namespace does not know: whoever is root of such a namespace is an ordinary user, and decides for nobody else.
 */
function rootId(): number {
  const ranges = readFileSync('/proc/self/uid_map', 'utf8').trim().split('\n');
  const first = ranges.map((line) => line.trim().split(/\s+/).map(Number)).find(([, outside]) => outside === 0);
  return first?.[0] ?? Number(readFileSync('/proc/sys/kernel/overflowuid', 'utf8'));
}

function namesOf(path: string): string[] {
  try {
    return namesIn(path);
  } catch (error) {
    if (hasCode(error, 'EACCES')) throw unreadable(path);
    throw error;
  }
}

function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (hasCode(error, 'EACCES')) throw unreadable(dirname(path));
    throw error;
  }
}

function readStrict(
  path: string,
  { limitBytes, owners }: { readonly limitBytes: number; readonly owners: ReadonlySet<number> },
): Buffer | undefined {
  let fd: number | undefined;
  try {
    fd = openRegular(path);
    if (fd === undefined) return undefined;
    // What was opened counts, not what was looked at.
    requireStrict(path, fstatSync(fd), owners);
    return readBounded(fd, path, limitBytes);
  } catch (error) {
    if (error instanceof Failure && error.status === EXIT.dataRefused) {
      throw new Failure(EXIT.configuration, error.message.replace(/^cannot read/, 'cannot trust'), { cause: error });
    }
    if (hasCode(error, 'EACCES', 'EPERM')) throw unreadable(path);
    throw error;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function requireStrict(path: string, status: Stats, owners: ReadonlySet<number>): void {
  if (status.isSymbolicLink()) throw unsafe(path, 'it is a symbolic link', 'the file or directory itself');
  if (!owners.has(status.uid)) {
    throw unsafe(path, `it belongs to user ${status.uid}`, `owner ${[...owners].join(' or ')}`);
  }
  if ((status.mode & WRITABLE_BY_OTHERS) !== 0) {
    const who = (status.mode & 0o020) !== 0 ? 'its group' : 'everybody';
    throw unsafe(path, `it can be written by ${who}`, 'chmod go-w');
  }
}

function unreadable(path: string): Failure {
  return unsafe(path, 'this user cannot read it', 'chmod a+rX');
}

/** A refusal of a file or directory of the administrator. */
export function unsafe(path: string, what: string, wanted: string): Failure {
  return new Failure(EXIT.configuration, `cannot trust "${printable(path)}": ${what}: wanted ${wanted}`);
}

/** A path below a directory, of components that are checked to be plain names. */
export function below(directory: string, ...names: readonly string[]): string {
  const wrong = names.find((name) => name === '' || name === '.' || name === '..' || /[/\0]/.test(name));
  if (wrong !== undefined) throw new Failure(EXIT.usage, `cannot use "${printable(wrong)}" in a path`);
  return join(directory, ...names);
}
