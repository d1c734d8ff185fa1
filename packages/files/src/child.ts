// SPDX-License-Identifier: Apache-2.0
// Processes that read what strangers made: what they are fed, what they say, how they end.
import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { type Readable, type Writable } from 'node:stream';
import { contentOf } from './content.ts';

/** A program that runs, with pipes to it and from it. */
export type Piped = ChildProcessWithoutNullStreams;

/** Starts a program with pipes for its input, output and errors; without an environment of its own it has ours. */
export function startPiped([file = '', ...args]: readonly string[], env?: Readonly<Record<string, string>>): Piped {
  return spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], ...(env === undefined ? {} : { env }) });
}

/** What a process said and how it ended. */
export interface Ended {
  readonly status: number | null;
  readonly lines: readonly string[];
}

const STDERR_LIMIT = 65536;

/** Waits for the end of a process. */
export async function ended(child: ChildProcess): Promise<Ended> {
  const [said, status] = await Promise.all([
    child.stderr === null ? Buffer.alloc(0) : collect(child.stderr, STDERR_LIMIT),
    new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    }),
  ]);
  return {
    status,
    lines: said
      .toString()
      .split('\n')
      .filter((line) => line !== ''),
  };
}

/** What a stream says, up to a limit; the rest is read and thrown away. */
export async function collect(stream: Readable, limitBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of bytesOf(stream)) {
    if (size < limitBytes) pieces.push(piece);
    size += piece.byteLength;
  }
  return Buffer.concat(pieces).subarray(0, limitBytes);
}

/** A blob that is open. */
export interface OpenBlob {
  readonly fd: number;
  readonly size: number;
}

/**
 * Hands a blob to a process, closes it, and returns the digest of what was handed over. A process that ends early says itself why.
 */
export async function feedBlob({ fd, size }: OpenBlob, to: Writable): Promise<string> {
  const hash = createHash('sha256');
  try {
    let open = !to.destroyed;
    // The rest of the blob is hashed all the same.
    to.on('error', () => (open = false));
    for await (const chunk of contentOf(fd, size)()) {
      hash.update(chunk);
      if (open && !to.write(chunk)) await drained(to);
    }
  } finally {
    closeSync(fd);
  }
  return `sha256:${hash.digest('hex')}`;
}

function bytesOf(stream: Readable): AsyncIterable<Buffer> {
  return stream;
}

/** Waits until the stream takes more, or has ended. */
async function drained(stream: Writable): Promise<void> {
  // It has said so already, and will not again.
  if (stream.destroyed) return;
  const waiting = new AbortController();
  const { signal } = waiting;
  const events = ['drain', 'close'].map((event) => once(stream, event, { signal }));
  await Promise.any(events).catch(() => undefined);
  waiting.abort();
  await Promise.allSettled(events);
}
