// SPDX-License-Identifier: Apache-2.0
import { closeSync, fstatSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { namesIn, openRegular } from '@rkt/files';

/** A file of a log that is open; its name may be another one by now. */
export interface OpenFile {
  readonly fd: number;
  readonly inode: bigint;
}

/** The log of an app, as a path; undefined if the way there is not made of directories. */
export function logPath(podPath: string, app: string): string | undefined {
  const directories = [join(podPath, 'apps'), join(podPath, 'apps', app)];
  return directories.every(isDirectory) ? join(podPath, 'apps', app, 'log') : undefined;
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

// A rotation is over in less than a millisecond.
const ATTEMPTS_MAX = 20;

/** Opens the files of a log, the oldest first, as they lie there between two rotations; those newer than a given one if it is among them. */
export function openGenerations(
  path: string,
  after?: bigint,
): { readonly files: OpenFile[]; readonly isWhole: boolean } {
  for (let attempt = 1; ; attempt++) {
    const paths = pathsOf(path);
    const found = paths.map(openFile);
    const now = pathsOf(path).map(inodeOf);
    const files = found.filter((file) => file !== undefined);
    const isSame = files.length === now.length && files.every(({ inode }, index) => inode === now[index]);
    if (!isSame && attempt < ATTEMPTS_MAX) {
      for (const { fd } of files) closeSync(fd);
      continue;
    }
    const at = files.findIndex(({ inode }) => inode === after);
    for (const { fd } of files.slice(0, at + 1)) closeSync(fd);
    return { files: files.slice(at + 1), isWhole: after === undefined || at >= 0 };
  }
}

/** `log.2`, `log.1`, `log`. */
function pathsOf(path: string): string[] {
  const directory = join(path, '..');
  const numbers = namesIn(directory).flatMap((name) => {
    const number = /^log(?:\.([1-9]\d{0,3}))?$/.exec(name);
    return number === null ? [] : [Number(number[1] ?? 0)];
  });
  return numbers.toSorted((a, b) => b - a).map((number) => (number === 0 ? path : `${path}.${number}`));
}

function openFile(path: string): OpenFile | undefined {
  const fd = openRegular(path);
  return fd === undefined ? undefined : { fd, inode: fstatSync(fd, { bigint: true }).ino };
}

/** The file that has the name of the log now. */
export function inodeOf(path: string): bigint | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}
