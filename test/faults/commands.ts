// SPDX-License-Identifier: Apache-2.0
// What a fault at a call of a command may do, and what it may not.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext } from 'node:test';
import { bin } from '../e2e/rkt.ts';
import { type Bed, makeBed } from './bed.ts';
import { ERRORS, type Fault, type Filter, Injector, type Outcome, type Point } from './injector.ts';
import { type Strikes } from './stage1.ts';

/** A command that meets faults. */
export interface Trial {
  /** Makes what the command works on, and returns the words of the command. */
  readonly make: (bed: Bed) => readonly string[];
  /** Which calls are struck, instead of those that concern rkt's files. */
  readonly filter?: Filter;
  /** Sees whether a command that said nothing of the fault has done its work. */
  readonly done?: (bed: Bed, outcome: Outcome) => void;
}

/** Calls that do not fail as Node and the programs in C use them. */
const INFALLIBLE = [
  'close',
  'dup2',
  'dup3',
  'fcntl',
  'prctl',
  'kill',
  'wait4',
  'exit_group',
  'ppoll',
  'rt_sigprocmask',
];

/** The words of one of rkt's executables. */
export function words({ rkt }: Bed, command: string, ...args: readonly string[]): string[] {
  return [join(bin, `rkt-${command}`), `--dir=${rkt.dir}`, ...args];
}

/** A kill for every so many of the calls that change something, and errors in turn for every so many of all. */
export function spread({ kills, errors }: { readonly kills: number; readonly errors: number }): Strikes[] {
  return [
    { fault: 'kill', step: kills },
    ...ERRORS.map((fault, index) => ({ fault, step: errors * ERRORS.length, from: errors * index })),
  ];
}

/** Runs the command for each chosen call, lets the call meet the fault, and sees what comes of it; returns how many. */
export async function strikeCommand(t: TestContext, trial: Trial, strikes: readonly Strikes[]): Promise<number> {
  const bed = makeBed(t);
  using injector = new Injector();
  let count = 0;
  for (const { fault, step, from = 0 } of strikes) {
    const filter = filterOf(bed, trial, fault);
    const points = injector.points(trial.make(bed), filter);
    await settle(bed);
    for (let index = from; index < points.length; index += step) {
      const { outcome, struck } = injector.strike(trial.make(bed), filter, { number: index + 1, fault });
      if (struck !== undefined) check(bed, trial, { fault, outcome, struck });
      await settle(bed);
      count += 1;
    }
  }
  return count;
}

async function settle(bed: Bed): Promise<void> {
  await bed.end();
  await bed.collect();
}

function filterOf({ rkt }: Bed, { filter }: Trial, fault: Fault): Filter {
  const below = [rkt.dir, '/run/rkt', ...['', '/unified', '/pids'].map((mount) => `/sys/fs/cgroup${mount}/rkt`)];
  const chosen = filter ?? { below };
  return isKill(fault) ? { ...chosen, changes: true } : { ...chosen, except: INFALLIBLE };
}

function isKill(fault: Fault): boolean {
  return fault.startsWith('kill');
}

interface Struck {
  readonly fault: Fault;
  readonly outcome: Outcome;
  readonly struck: Point;
}

function check(bed: Bed, trial: Trial, { fault, outcome, struck }: Struck): void {
  const { status, stderr } = outcome;
  const what = `${fault} at call ${struck.number}, ${struck.call} ${struck.path}: ${String(status)} ${stderr}`;
  // Whoever is killed says nothing; what it had said before is no message of failure.
  if (isKill(fault) && status === 137) assert.doesNotMatch(stderr, /: cannot /, what);
  else if (status === 0) trial.done?.(bed, outcome);
  else checkMessage(bed, outcome, what);
}

/** One line, which names a path of rkt's, a pod or an image; progress may stand before it. */
function checkMessage({ rkt }: Bed, { status, stderr }: Outcome, what: string): void {
  assert.ok([65, 66, 69, 71, 75, 77, 125].includes(status ?? 0), what);
  const lines = stderr.trimEnd().split('\n');
  const messages = lines.filter((line) => line.includes(': cannot '));
  assert.equal(messages.length, 1, what);
  assert.match(messages[0] ?? '', /^(rkt-[a-z-]+|stage1): [^\u0000-\u001f]+$/, what);
  const names = [rkt.dir, '/sys/fs/cgroup', '/run/rkt', '/proc/', 'pod "', 'image "', 'sha256:', 'stage1'];
  assert.ok(
    names.some((name) => messages[0]?.includes(name)),
    what,
  );
}
