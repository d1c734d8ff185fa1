// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, openSync, readdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { EXIT, Failure, hasCode, nameIn } from '@rkt/exit';
import { readText } from './read.ts';

// Each level holds a descriptor: what lies deeper is moved up to the top instead.
const DEPTH_LIMIT = 200;

/**
 * Removes a directory tree, never following a symbolic link and never crossing a mount, not even a bind mount of the same file system.
 *
 * The tree may be as an app has left it: names that are not UTF-8, and paths longer than the kernel takes in one call.
 * Every step goes from an open directory to a name in it. A tree that is gone already is fine.
 */
export function removeTree(path: string): void {
  const name = Buffer.from(basename(path));
  using parent = openIfThere(Buffer.from(dirname(path)), dirname(path));
  using top = parent && parent.with(name, (entry) => openIfThere(entry, path));
  if (parent === undefined || top === undefined) return;
  const walk = { path, top, mount: parent.mountId(), moved: 0 };
  requireSameMount(top, walk);
  // Directories that were moved up are entries of the top now: once more, until there are none.
  do {
    walk.moved = 0;
    clear(top, walk, 1);
  } while (walk.moved > 0);
  parent.with(name, rmdirSync);
}

interface Walk {
  readonly path: string;
  readonly top: Directory;
  /** The id of the mount that the whole tree must lie on. */
  readonly mount: string;
  moved: number;
}

/** An open directory; paths to its entries go through its descriptor, as openat(2) would, and are not for people. */
class Directory implements Disposable {
  readonly #fd: number;
  readonly #path: string;

  constructor(fd: number, path: string) {
    this.#fd = fd;
    this.#path = path;
  }

  /** Does something with the path of an entry; an error names the entry by the path that people know. */
  with<T>(name: Buffer, work: (path: Buffer) => T): T {
    const path = Buffer.concat([Buffer.from(`/proc/self/fd/${this.#fd}/`), name]);
    return nameIn(this.shown(name), () => work(path));
  }

  /** The path of an entry for messages. */
  shown(name: Buffer): string {
    return `${this.#path}/${name.toString()}`;
  }

  entries(): { readonly name: Buffer; readonly isDirectory: boolean }[] {
    const found = nameIn(this.#path, () =>
      readdirSync(`/proc/self/fd/${this.#fd}`, { encoding: 'buffer', withFileTypes: true }),
    );
    return found.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }));
  }

  mountId(): string {
    return /^mnt_id:\t(\d+)$/m.exec(readText(`/proc/self/fdinfo/${this.#fd}`))?.[1] ?? '';
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

function clear(directory: Directory, walk: Walk, depth: number): void {
  for (const { name, isDirectory } of directory.entries()) {
    if (!isDirectory) directory.with(name, unlinkSync);
    else if (depth > DEPTH_LIMIT) moveUp(directory, name, walk);
    else removeBelow(directory, name, { walk, depth });
  }
}

function removeBelow(directory: Directory, name: Buffer, { walk, depth }: { walk: Walk; depth: number }): void {
  {
    using child = new Directory(directory.with(name, openDirectory), directory.shown(name));
    requireSameMount(child, walk);
    clear(child, walk, depth + 1);
  }
  directory.with(name, rmdirSync);
}

function moveUp(directory: Directory, name: Buffer, walk: Walk): void {
  for (;;) {
    walk.moved++;
    try {
      const above = Buffer.from(`.deep-${walk.moved}`);
      return directory.with(name, (from) => walk.top.with(above, (to) => renameSync(from, to)));
    } catch (error) {
      // An app may have made that name; the next number will do.
      if (!hasCode(error, 'EEXIST', 'ENOTEMPTY', 'ENOTDIR')) throw error;
    }
  }
}

function requireSameMount(directory: Directory, { path, mount }: Walk): void {
  if (directory.mountId() === mount) return;
  throw new Failure(EXIT.system, `cannot remove "${path}": something is mounted at or below it`);
}

function openDirectory(path: Buffer): number {
  return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
}

function openIfThere(path: Buffer, shown: string): Directory | undefined {
  try {
    return new Directory(openDirectory(path), shown);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    if (!hasCode(error, 'ENOTDIR', 'ELOOP')) throw error;
    throw new Failure(EXIT.dataRefused, `cannot remove "${shown}": not a directory`, { cause: error });
  }
}
