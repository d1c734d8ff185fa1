// SPDX-License-Identifier: Apache-2.0
// Runs contestants in turn, A B A B, so that what else the machine does hits all of them alike.
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** One of several ways to the same end. */
export interface Contestant {
  readonly name: string;
  /** The command of the next run; called before the clock starts. */
  readonly command: () => readonly string[];
  /** What its result is divided by: the name of another contestant of the race. */
  readonly against?: string;
  /** The ratio to reach at most. */
  readonly target?: number;
  /** What must be done after each run; not measured. */
  readonly after?: () => void;
}

/** What a contestant took. */
export interface Outcome {
  readonly name: string;
  readonly medianMs?: number;
  readonly lowerMs?: number;
  readonly upperMs?: number;
  readonly runs: number;
  readonly against?: string;
  readonly ratio?: number;
  readonly target?: number;
  /** Why there is no figure. */
  readonly failure?: string;
}

/** Compiles the stopwatch into the directory and returns its path. */
export function buildStopwatch(directory: string): string {
  const program = join(directory, 'measure');
  execFileSync('cc', ['-Os', '-o', program, join(import.meta.dirname, 'measure.c')]);
  return program;
}

/** Each contestant once without the clock, which fills caches and shows who cannot run at all; then so many rounds. */
export function race(stopwatch: string, contestants: readonly Contestant[], rounds: number): Outcome[] {
  const failures = new Map<string, string>();
  const times = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
  for (const { name, command, after } of contestants) {
    const [file = '', ...args] = command();
    const { status, stderr, error } = spawnSync(file, args, { encoding: 'utf8', timeout: 60_000 });
    after?.();
    if (status !== 0) failures.set(name, `status ${String(status)}: ${error?.message ?? stderr.trim().slice(-300)}`);
  }
  for (let round = 0; round < rounds; round++) {
    for (const { name, command, after } of contestants) {
      if (failures.has(name)) continue;
      const [time = 0, status] = execFileSync(stopwatch, command(), { encoding: 'utf8' }).split(' ').map(Number);
      after?.();
      if (status === 0) times.get(name)?.push(time / 1e6);
      else failures.set(name, `status ${String(status)} in round ${String(round + 1)}`);
    }
  }
  return contestants.map((contestant) => outcomeOf(contestant, times, failures));
}

function outcomeOf(
  { name, against, target }: Contestant,
  times: ReadonlyMap<string, readonly number[]>,
  failures: ReadonlyMap<string, string>,
): Outcome {
  const own = times.get(name) ?? [];
  const failure = failures.get(name);
  const base = {
    name,
    runs: own.length,
    ...(against !== undefined && { against }),
    ...(target !== undefined && { target }),
  };
  if (failure !== undefined) return { ...base, failure };
  const medianMs = quantile(own, 0.5);
  const other = against === undefined || failures.has(against) ? undefined : quantile(times.get(against) ?? [], 0.5);
  return {
    ...base,
    medianMs,
    lowerMs: quantile(own, 0.25),
    upperMs: quantile(own, 0.75),
    ...(other !== undefined && { ratio: medianMs / other }),
  };
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * part;
  const [lower = 0, upper = lower] = [sorted[Math.floor(position)], sorted[Math.ceil(position)]];
  return lower + (upper - lower) * (position % 1);
}
