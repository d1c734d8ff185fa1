// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, statSync } from 'node:fs';
import { EXIT, Failure } from '@rkt/exit';
import { readText } from './read.ts';
import { libraryFile } from './stage1.ts';

/**
 * A flock(2) on a file or directory, held until it is disposed or the process ends.
 *
 * Node cannot call flock. The lock belongs to the open file description, so a helper that inherits the descriptor
 * (`stage1 --flock`) can take it for us.
 */
export class Lock implements Disposable {
  readonly fd: number;

  constructor(fd: number) {
    this.fd = fd;
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}

/** Takes the exclusive lock of a directory or file without waiting; undefined if somebody holds it. */
export function tryLock(path: string): Lock | undefined {
  const fd = openForLock(path);
  const { status, error, stderr } = spawnSync(libraryFile('stage1'), ['--flock', '3', 'LOCK_EX|LOCK_NB'], {
    stdio: ['ignore', 'ignore', 'pipe', fd],
    encoding: 'utf8',
  });
  if (status === 0) return new Lock(fd);
  closeSync(fd);
  if (status === EXIT.tryAgain) return undefined;
  throw cannotLock(path, { status, said: error?.message ?? stderr });
}

/** Waits for the exclusive lock of a directory or file. */
export async function lock(path: string): Promise<Lock> {
  const fd = openForLock(path);
  const child = spawn(libraryFile('stage1'), ['--flock', '3', 'LOCK_EX'], {
    stdio: ['ignore', 'ignore', 'pipe', fd],
  });
  let said = '';
  child.stderr?.on('data', (chunk) => (said += String(chunk)));
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (status === 0) return new Lock(fd);
  closeSync(fd);
  throw cannotLock(path, { status, said });
}

function cannotLock(
  path: string,
  { status, said }: { readonly status: number | null; readonly said: string },
): Failure {
  // `stage1: cannot lock "3": REASON`; who was killed has said nothing.
  const why = said.trim().split(': ').at(-1) || `stage1 ended with ${status === null ? 'a signal' : String(status)}`;
  return new Failure(EXIT.system, `cannot lock "${path}": ${why}`);
}

/**
 * Tells which files are locked by somebody at this moment, without touching the locks: a function of the path.
 *
 * It reads /proc/locks once, when it is first asked, so it suits listings; whoever is going to change something takes the lock
 * instead. The kernel lets all processors pass a point before it shows them, which takes milliseconds.
 */
export function lockedFiles(): (path: string) => boolean {
  let held: ReadonlySet<string> | undefined;
  return (path) => {
    const { dev, ino } = statSync(path, { bigint: true });
    held ??= readLocks();
    return held.has(`${major(dev)}:${minor(dev)}:${ino}`);
  };
}

function readLocks(): ReadonlySet<string> {
  const held = new Set<string>();
  for (const line of readText('/proc/locks').split('\n')) {
    const match = /^\d+: FLOCK .* ([0-9a-f]+):([0-9a-f]+):(\d+) /.exec(line);
    if (match) held.add(`${Number.parseInt(match[1] ?? '', 16)}:${Number.parseInt(match[2] ?? '', 16)}:${match[3]}`);
  }
  return held;
}

function openForLock(path: string): number {
  return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
}

// The encoding of dev_t that stat(2) returns: see makedev(3).
function major(dev: bigint): bigint {
  return ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n);
}

function minor(dev: bigint): bigint {
  return (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
}
