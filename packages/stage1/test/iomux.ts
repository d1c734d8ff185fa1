// SPDX-License-Identifier: Apache-2.0
// What the supervisor of a pod does for an app: it keeps the pipes, and starts iomux for them as often as it must.
import { spawn, spawnSync, type ChildProcess, type SpawnSyncReturns } from 'node:child_process';
import { closeSync, constants, existsSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Scratch } from './stage1.ts';

/** The program under test; RKT_IOMUX names another build, such as the one with sanitizers. */
export const IOMUX = process.env['RKT_IOMUX'] ?? join(import.meta.dirname, '../build/iomux');

/** Why these tests cannot run here, or false. */
export const skip = existsSync(IOMUX) ? false : 'iomux is not built';

type Stream = 'stdin' | 'stdout' | 'stderr';

interface Pipe {
  readonly read: number;
  write: number;
}

/** The longest line that one record of the log takes. */
export const MAX_LINE = 16384;

/** An app's pipes, and the directory and the log of its iomux. */
export class App implements Disposable {
  readonly scratch = new Scratch();
  readonly log = this.scratch.path('log');
  readonly directory = this.scratch.path('iomux');
  readonly #pipes: Partial<Record<Stream, Pipe>> = {};

  constructor() {
    mkdirSync(this.directory);
  }

  [Symbol.dispose](): void {
    for (const pipe of Object.values(this.#pipes)) {
      closeSync(pipe.read);
      if (pipe.write >= 0) closeSync(pipe.write);
    }
    this.scratch[Symbol.dispose]();
  }

  /** A pipe, which is there from its first use on. Node's own pipes to children are sockets. */
  pipe(name: Stream): Pipe {
    const path = this.scratch.path(`${name}.pipe`);
    if (this.#pipes[name] !== undefined) return this.#pipes[name];
    spawnSync('mkfifo', [path]);
    const read = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return (this.#pipes[name] = { read, write: openSync(path, constants.O_WRONLY) });
  }

  /** Nobody but the programs that have it already writes to the pipe any more. */
  closeWriter(name: Stream): void {
    const pipe = this.pipe(name);
    closeSync(pipe.write);
    pipe.write = -1;
  }

  /** Starts a program that writes to the pipes, and leaves them to it. */
  write(script: string): ChildProcess {
    const child = spawn('sh', ['-c', script], {
      stdio: ['ignore', this.pipe('stdout').write, this.pipe('stderr').write],
    });
    this.closeWriter('stdout');
    this.closeWriter('stderr');
    return this.scratch.track(child);
  }

  /** Starts iomux for both outputs. */
  start(...args: readonly string[]): ChildProcess {
    const stdio = ['ignore', 'ignore', 'pipe', this.pipe('stdout').read, this.pipe('stderr').read] as const;
    const input = this.#pipes.stdin === undefined ? [] : [this.#pipes.stdin.write];
    const words = [`--log=${this.log}`, ...args];
    if (!words.some((word) => word.startsWith('--stdout'))) words.push('--stdout=3', '--stderr=4');
    return this.scratch.track(spawn(IOMUX, [...words, this.directory], { stdio: [...stdio, ...input], env }));
  }
}

/** The sanitizer's look for leaks wants files that iomux may not open. */
export const env = { ASAN_OPTIONS: 'detect_leaks=0' };

/** Runs iomux to its end. */
export function runIomux(...args: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync(IOMUX, args, { encoding: 'utf8', timeout: 20_000, env });
}

/** The records of a log without their times. */
export interface Logged {
  readonly stream: string;
  readonly isFull: boolean;
  readonly text: Buffer;
}

/** Reads records of the format of CRI; everything must be one. */
export function parseCri(log: Buffer): Logged[] {
  const records: Logged[] = [];
  for (let begin = 0, end = 0; begin < log.length; begin = end + 1) {
    end = log.indexOf('\n', begin);
    if (end < 0) throw new Error(`no end of a record: ${log.subarray(begin, begin + 200).toString()}`);
    const head = log.subarray(begin, begin + 40).toString('latin1');
    const match = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (stdout|stderr) ([FP]) /.exec(head);
    if (!match) throw new Error(`no record: ${head}`);
    const [prefix, stream = '', tag] = match;
    records.push({ stream, isFull: tag === 'F', text: log.subarray(begin + prefix.length, end) });
  }
  return records;
}

/** What a stream of these bytes is logged as. */
export function model(stream: string, bytes: Buffer): Logged[] {
  const records: Logged[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const feed = rest.indexOf(10);
    const isFull = feed >= 0 && feed <= MAX_LINE;
    const length = isFull ? feed : rest.length > MAX_LINE ? boundary(rest) : rest.length;
    records.push({ stream, isFull, text: rest.subarray(0, length) });
    rest = rest.subarray(isFull ? length + 1 : length);
  }
  return records;
}

/** Where a long line is cut: before the last character if it would be halved. */
function boundary(text: Buffer): number {
  for (let back = 1; back < 4; back++) {
    const byte = text[MAX_LINE - back] ?? 0;
    const length =
      byte >= 0xf0 && byte <= 0xf4 ? 4 : byte >= 0xe0 && byte < 0xf0 ? 3 : byte >= 0xc2 && byte < 0xe0 ? 2 : 1;
    if (length > back) return MAX_LINE - back;
    if ((byte & 0xc0) !== 0x80) break;
  }
  return MAX_LINE;
}

/** The bytes of a stream, put together again. */
export function bytesOf(records: readonly Logged[], stream: string): Buffer {
  const own = records.filter((record) => record.stream === stream);
  return Buffer.concat(own.flatMap(({ text, isFull }) => (isFull ? [text, Buffer.from('\n')] : [text])));
}

/** Everything a child has said on its standard error, and how it ended. */
export async function endAndErrors(child: ChildProcess): Promise<{ end: number | string | null; errors: string }> {
  let errors = '';
  child.stderr?.on('data', (data: Buffer) => (errors += data.toString()));
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      resolve({ end: code ?? signal, errors });
    });
  });
}

/** Waits for what another process brings about. */
export async function until(condition: () => boolean): Promise<void> {
  for (let left = 2000; !condition(); left--) {
    if (left === 0) throw new Error(`it did not come about: ${condition.toString()}`);
    await delay(5);
  }
}

/** Waits until there is such a file. */
export async function existing(path: string): Promise<void> {
  await until(() => existsSync(path));
}
