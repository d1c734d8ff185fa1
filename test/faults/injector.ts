// SPDX-License-Identifier: Apache-2.0
// Runs programs and lets one of their system calls meet a fault: it is not made, and its process dies or gets an error.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { syscallName, syscallsOf } from 'seccomp-tools';

/** Errors of the system that a machine in trouble gives to any call. */
export const ERRORS = ['ENOSPC', 'EIO', 'EMFILE', 'EACCES', 'ENOMEM'] as const;

/** What happens: an error for the caller, the end of its process, or the end of all processes at once. */
export type Fault = (typeof ERRORS)[number] | 'kill' | 'kill all';

/** A call that a program makes, in the order of all its processes. */
export interface Point {
  readonly number: number;
  readonly pid: number;
  readonly call: string;
  /** What it names, or what its descriptor is open on; empty for calls that have neither. */
  readonly path: string;
}

/** Which calls count. */
export interface Filter {
  /** Only those that concern a path at or below one of these. */
  readonly below?: readonly string[];
  /** Only those of processes that execute a program of this name. */
  readonly program?: string;
  /** Processes that execute another program than that are left alone from then on. */
  readonly alone?: boolean;
  /** Calls of these names do not. */
  readonly except?: readonly string[];
  /** Only those that change something. */
  readonly changes?: boolean;
}

/** What a program printed and how it ended; 128 and the signal if it was killed. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program that injects, built when it is made and gone when it is disposed. */
export class Injector implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'rkt-inject-'));
  readonly #program = join(this.#directory, 'inject');

  constructor() {
    const source = join(import.meta.dirname, 'inject.c');
    execFileSync('cc', ['-std=gnu11', '-O1', '-Wall', '-Wextra', '-Werror', '-o', this.#program, source]);
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Runs a command unharmed and lists the calls that count. */
  points(command: readonly string[], filter: Filter): Point[] {
    const { outcome, points } = this.#run([...words(filter), ...command]);
    if (outcome.status === 0) return points;
    throw new Error(`${command.join(' ')} ended with ${String(outcome.status)}: ${outcome.stderr}`);
  }

  /** Runs a command and lets the call of that number meet the fault; tells which it was, if there were as many. */
  strike(
    command: readonly string[],
    filter: Filter,
    { number, fault }: { readonly number: number; readonly fault: Fault },
  ): { readonly outcome: Outcome; readonly struck: Point | undefined } {
    const how = fault === 'kill' ? [] : fault === 'kill all' ? ['-a'] : ['-e', String(constants.errno[fault])];
    const { outcome, points } = this.#run(['-n', String(number), ...how, ...words(filter), ...command]);
    return { outcome, struck: points[0] };
  }

  #run(args: readonly string[]): { readonly outcome: Outcome; readonly points: Point[] } {
    const report = join(this.#directory, 'report');
    const { status, stdout, stderr } = spawnSync(this.#program, ['-o', report, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 20_000,
    });
    // It waits for every process that the program has made: one that nobody ends would be left behind.
    if (status === null) throw new Error(`a process does not end: inject ${args.join(' ')}`);
    const points = readFileSync(report, 'utf8').split('\n').filter(Boolean).map(parsePoint);
    return { outcome: { status, stdout, stderr }, points };
  }
}

const ARCH = process.arch === 'arm64' ? 'aarch64' : 'x86_64';

function words({ below = [], program, alone = false, except = [], changes = false }: Filter): string[] {
  return [
    ...below.flatMap((prefix) => ['-p', prefix]),
    ...(program === undefined ? [] : ['-c', program]),
    ...except.flatMap((call) => ['-x', String(syscallsOf(ARCH).get(call) ?? -1)]),
    ...(changes ? ['-w'] : []),
    ...(alone ? ['-d'] : []),
  ];
}

function parsePoint(line: string): Point {
  const [number, pid, call, ...path] = line.split(' ');
  return {
    number: Number(number),
    pid: Number(pid),
    call: syscallName(ARCH, Number(call)) ?? String(call),
    path: path.join(' '),
  };
}
