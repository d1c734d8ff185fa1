// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, openSync, readdirSync, readFileSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { EXIT, Failure, hasCode } from '@rkt/exit';

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
  using parent = openIfThere(Buffer.from(dirname(path)));
  using top = parent && openIfThere(parent.pathOf(name));
  if (parent === undefined || top === undefined) return;
  const walk = { path, top, mount: parent.mountId(), moved: 0 };
  requireSameMount(top, walk);
  // Directories that were moved up are entries of the top now: once more, until there are none.
  do {
    walk.moved = 0;
    clear(top, walk, 1);
  } while (walk.moved > 0);
  rmdirSync(parent.pathOf(name));
}

interface Walk {
  readonly path: string;
  readonly top: Directory;
  /** The id of the mount that the whole tree must lie on. */
  readonly mount: string;
  moved: number;
}

/** An open directory; paths to its entries go through its descriptor, as openat(2) would. */
class Directory implements Disposable {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  pathOf(name: Uint8Array): Buffer {
    return Buffer.concat([Buffer.from(`/proc/self/fd/${this.#fd}/`), name]);
  }

  entries(): { readonly name: Buffer; readonly isDirectory: boolean }[] {
    const found = readdirSync(`/proc/self/fd/${this.#fd}`, { encoding: 'buffer', withFileTypes: true });
    return found.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }));
  }

  mountId(): string {
    return /^mnt_id:\t(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${this.#fd}`, 'utf8'))?.[1] ?? '';
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

function clear(directory: Directory, walk: Walk, depth: number): void {
  for (const { name, isDirectory } of directory.entries()) {
    if (!isDirectory) unlinkSync(directory.pathOf(name));
    else if (depth > DEPTH_LIMIT) moveUp(directory, name, walk);
    else removeBelow(directory, name, { walk, depth });
  }
}

function removeBelow(directory: Directory, name: Buffer, { walk, depth }: { walk: Walk; depth: number }): void {
  {
    using child = new Directory(openDirectory(directory.pathOf(name)));
    requireSameMount(child, walk);
    clear(child, walk, depth + 1);
  }
  rmdirSync(directory.pathOf(name));
}

function moveUp(directory: Directory, name: Buffer, walk: Walk): void {
  for (;;) {
    walk.moved++;
    try {
      return renameSync(directory.pathOf(name), walk.top.pathOf(Buffer.from(`.deep-${walk.moved}`)));
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

function openIfThere(path: Buffer): Directory | undefined {
  try {
    return new Directory(openDirectory(path));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    if (!hasCode(error, 'ENOTDIR', 'ELOOP')) throw error;
    throw new Failure(EXIT.dataRefused, `cannot remove "${path.toString()}": not a directory`, {
      cause: error,
    });
  }
}
