// SPDX-License-Identifier: Apache-2.0
import { constants, rmSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { renameDurably, type Lock } from '@rkt/files';
import { lockPartial, writeAll } from './add.ts';
import { cannotWrite, isFull } from './errors.ts';
import { requireSpace } from './space.ts';
import { blobPath, partialsPath } from './paths.ts';
import { type BlobDescriptor } from './read.ts';
import { keyOf } from './remote.ts';

/** A blob that is being downloaded and whose digest nobody knows before all of it is there. */
export interface Incoming extends AsyncDisposable {
  /** The bytes that are there: at first, what an interrupted download left. */
  readonly size: () => number;
  /** Throws away what is there. */
  readonly restart: () => Promise<void>;
  /** Refuses to begin what the disk has no space for. */
  readonly requireSpace: (bytes: number) => void;
  readonly append: (chunk: Uint8Array) => Promise<void>;
  /** All that is there, from the start. */
  readonly read: () => AsyncIterable<Uint8Array>;
  /** Puts it in its place as a blob; whoever calls this has read and hashed it. */
  readonly finish: (descriptor: BlobDescriptor) => Promise<void>;
  /** Removes it: it is not what was wanted. */
  readonly discard: () => void;
}

/**
 * Opens what is there of the blob at an address, and waits until nobody else downloads it.
 *
 * The lock is on a file of its own: what is downloaded takes its place before its image has a name and its record is written,
 * and until then nobody else shall begin.
 */
export async function openIncoming(dir: string, url: string): Promise<Incoming> {
  const path = join(partialsPath(dir), keyOf(url));
  const lockPath = `${path}.lock`;
  const held = await lockUntilHeld(dir, lockPath);
  const unlock = (): void => {
    rmSync(lockPath, { force: true });
    held[Symbol.dispose]();
  };
  try {
    // Held as well, so that the collector knows that it is in use.
    const own = await lockUntilHeld(dir, path);
    const handle = await open(path, constants.O_RDWR | constants.O_NOFOLLOW);
    const { size } = await handle.stat();
    return incoming({ dir, path, handle, size, unlock: () => [own[Symbol.dispose](), unlock()] });
  } catch (error) {
    unlock();
    throw error;
  }
}

async function lockUntilHeld(dir: string, path: string): Promise<Lock> {
  for (;;) {
    const held = await lockPartial(dir, path);
    // Whoever held it has removed it meanwhile: once more, with a new file.
    if (held !== undefined) return held;
  }
}

interface Opened {
  readonly dir: string;
  readonly path: string;
  readonly handle: FileHandle;
  readonly unlock: () => unknown;
  size: number;
}

function incoming(opened: Opened): Incoming {
  const { dir, path, handle } = opened;
  const writing = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (isFull(error)) rmSync(path, { force: true });
      throw cannotWrite(path, error);
    }
  };
  return {
    size: () => opened.size,
    restart: () =>
      writing(async () => {
        await handle.truncate(0);
        opened.size = 0;
      }),
    requireSpace: (bytes) => requireSpace(path, bytes),
    append: (chunk) =>
      writing(async () => {
        await writeAll(handle.fd, chunk, opened.size);
        opened.size += chunk.byteLength;
      }),
    read: () => handle.createReadStream({ start: 0, autoClose: false }),
    finish: ({ digest }) =>
      writing(async () => {
        await handle.sync();
        const { mode } = await handle.stat();
        await handle.chmod(mode & 0o444);
        renameDurably(path, blobPath(dir, digest));
        opened.size = 0;
      }),
    discard: () => rmSync(path, { force: true }),
    [Symbol.asyncDispose]: async () => {
      // What was finished is not there any more, and what is empty is nothing to continue.
      if (opened.size === 0) rmSync(path, { force: true });
      await handle.close();
      opened.unlock();
    },
  };
}
