// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync, type ChildProcess, type SpawnSyncReturns } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** The program under test. */
export const STAGE1 = join(import.meta.dirname, '../build/stage1');

/** Why these tests cannot run here, or false. */
export const skip = !existsSync(STAGE1) ? 'stage1 is not built' : process.getuid?.() === 0 ? false : 'needs root';

/** A mount namespace whose mounts are seen by nobody else. */
export const PRIVATE_MOUNTS = ['unshare CLONE_NEWNS', 'mount "" / "" MS_REC|MS_PRIVATE ""'] as const;

/** A proc of the process's own pid namespace. */
export const OWN_PROC = [...PRIVATE_MOUNTS, 'mount proc /proc proc MS_NOSUID|MS_NODEV|MS_NOEXEC ""'] as const;

/** What the programs of a test write, by streams. */
export type Result = SpawnSyncReturns<string>;

interface Options {
  readonly args?: readonly string[];
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A directory for plans and what they make, removed at the end of the test. */
export class Scratch implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'stage1-'));

  readonly #started: ChildProcess[] = [];

  /** Ends what a failed test has left running. */
  [Symbol.dispose](): void {
    for (const child of this.#started) child.kill('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  /** Writes a file that stage1 accepts, in directories that it accepts. */
  write(name: string, content: string | Uint8Array): string {
    const path = this.path(name);
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    writeFileSync(path, content);
    chmodSync(path, 0o644);
    return path;
  }

  plan(lines: readonly string[], name = 'plan'): string {
    return this.write(name, lines.map((line) => `${line}\n`).join(''));
  }

  /** Executes a plan to its end. */
  run(lines: readonly string[], { args = [], input = '', env = {} }: Options = {}): Result {
    return spawnSync(STAGE1, [...args, this.plan(lines)], { encoding: 'utf8', input, env, timeout: 20_000 });
  }

  /** Takes on a child that must not survive the test. */
  track(child: ChildProcess): ChildProcess {
    this.#started.push(child);
    return child;
  }

  /** Starts the execution of a plan. */
  start(lines: readonly string[]): ChildProcess {
    return this.track(spawn(STAGE1, [this.plan(lines)], { stdio: ['ignore', 'pipe', 'inherit'], env: {} }));
  }
}

/** One word of a plan, encoded. */
export function word(text: string): string {
  const escape = (byte: string): string => `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`;
  return text === '' ? '""' : text.replace(/[\u0001-\u0020\u007f\\]/g, escape);
}

/** The last line of a plan: a shell with that script. */
export function shell(script: string): string {
  return `exec /bin/sh sh -c ${word(script)}`;
}

/** The lines that a child writes, one after the other; the end of its output is an empty iteration. */
export async function* linesOf({ stdout }: ChildProcess): AsyncGenerator<string, undefined> {
  let rest = '';
  for await (const chunk of stdout ?? []) {
    const lines = `${rest}${String(chunk)}`.split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}

/** The next line of a child. */
export async function nextLine(lines: AsyncGenerator<string, undefined>): Promise<string | undefined> {
  const { value } = await lines.next();
  return value;
}

/** How a child ended: its exit status or the name of the signal. */
export async function endOf(child: ChildProcess): Promise<number | string | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? child.signalCode;
  return new Promise((resolve) => {
    child.on('exit', (code, signal) => {
      resolve(code ?? signal);
    });
  });
}

/** Waits for the exclusive lock of a path and gives it up again: returns when nobody holds it any more. */
export function waitForLock(path: string): void {
  spawnSync('flock', [path, 'true'], { timeout: 20_000 });
}

/** Whether somebody holds the lock of a path. */
export function isLocked(path: string): boolean {
  return spawnSync('flock', ['-n', path, 'true']).status !== 0;
}
