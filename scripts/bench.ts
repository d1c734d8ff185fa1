// SPDX-License-Identifier: Apache-2.0
// Compares us with what Debian has, and prints ratios with their targets: scripts/bench.ts [--quick] [--json FILE]
// Installs the peers, builds the images and works on a file system of its own. It reports and judges nothing: status 0.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildStopwatch, type Outcome } from './bench/measure.ts';
import { commands, fetching, preparedPods, storedImages, type Race } from './bench/races.ts';
import { makeWorkplace, rerunOnCgroup2 } from './bench/workplace.ts';

const print = (line: string): boolean => process.stdout.write(`${line}\n`);

const head = ['', 'median', '25 % – 75 %', 'ratio', 'target', 'met'];

function row(outcome: Outcome): string[] {
  const { name, medianMs, lowerMs, upperMs, ratio, target, failure } = outcome;
  if (failure !== undefined || medianMs === undefined) return [`${name}: no figure: ${failure ?? 'not run'}`];
  const ms = (value = 0) => (value >= 100 ? value.toFixed(0) : value.toFixed(1));
  const met = ratio === undefined || target === undefined ? '' : ratio <= target ? 'yes' : 'NO';
  return [
    name,
    `${ms(medianMs)} ms`,
    `${ms(lowerMs)} – ${ms(upperMs)}`,
    ratio === undefined ? '' : ratio.toFixed(2),
    target === undefined ? '' : `≤ ${String(target)}`,
    met,
  ];
}

function printTable(title: string, outcomes: readonly Outcome[]): void {
  const rows = [head, ...outcomes.map(row)];
  const widths = head.map((_, column) =>
    Math.max(...rows.filter((cells) => cells.length > 1).map((cells) => cells[column]?.length ?? 0)),
  );
  print(`\n${title}`);
  for (const cells of rows)
    print(
      `  ${cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()}`,
    );
}

/** A race that cannot be held is a line of the report. */
async function held(title: string, run: () => Outcome[] | Promise<Outcome[]>): Promise<Outcome[]> {
  try {
    const outcomes = await run();
    printTable(title, outcomes);
    return outcomes;
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    print(`\n${title}\n  not held: ${failure}`);
    return [{ name: title, runs: 0, failure }];
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { quick: { type: 'boolean' }, json: { type: 'string' } } });
  execFileSync(join(import.meta.dirname, 'setup'), ['bench'], {
    stdio: 'inherit',
    env: { RKT_KEEP_DIST: '1', ...process.env },
  });
  const elsewhere = rerunOnCgroup2();
  if (elsewhere !== undefined) {
    process.exitCode = elsewhere;
    return;
  }
  using workplace = makeWorkplace();
  const quick = values.quick ?? false;
  const given: Race = {
    stopwatch: buildStopwatch(workplace.path),
    place: workplace.path,
    rounds: quick ? 20 : 60,
    quick,
  };
  const processor = cpus()[0]?.model ?? 'unknown';
  print(`Linux ${release()}, ${String(cpus().length)} × ${processor}, on ${workplace.kind}`);
  const outcomes = [
    ...(await held('/bin/true in a prepared pod, start to exit', () => preparedPods(given))),
    ...(await held('/bin/true in an image of the store, start to exit', () =>
      storedImages({ ...given, rounds: quick ? 7 : 20 }),
    )),
    ...(await held('commands, start to exit', () => commands({ ...given, rounds: 20 }))),
    ...(await held('fetching from a registry on this machine', () => fetching(given))),
  ];
  const missed = outcomes.filter(({ ratio, target }) => ratio !== undefined && target !== undefined && ratio > target);
  const unknown = outcomes.filter(({ failure }) => failure !== undefined);
  print(`\n${String(missed.length)} targets missed, ${String(unknown.length)} without a figure`);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(outcomes, undefined, 2)}\n`);
}

await main();
