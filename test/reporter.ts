// SPDX-License-Identifier: Apache-2.0
// A reporter for Node's test runner: a line per file, what failed with its reasons, what was skipped with its reasons.
// Appends "PASSED FAILED SKIPPED" to the file that RKT_TEST_RESULTS names, so that several runs can be summed up.
import { appendFileSync } from 'node:fs';
import { relative } from 'node:path';
import { type TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

type Counts = Extract<TestEvent, { type: 'test:summary' }>['data']['counts'];

/** Cancelled tests count as failed. */
function numbersOf({ tests, passed, skipped, todo }: Counts): readonly [number, number, number] {
  return [passed, tests - passed - skipped - todo, skipped + todo];
}

function wordsOf(counts: Counts): string {
  const [passed, failed, skipped] = numbersOf(counts);
  return `${String(passed)} passed, ${String(failed)} failed, ${String(skipped)} skipped`;
}

/** The innermost error, since the runner wraps what a test throws, without the runner's own frames. */
function reasonOf(error: unknown): string {
  const inner = error instanceof Error ? (error.cause ?? error) : error;
  const text = inner instanceof Error ? (inner.stack ?? inner.message) : inspect(inner);
  return text
    .split('\n')
    .filter((line) => !/^\s+at .*node:internal/.test(line))
    .join('\n');
}

const indent = (text: string) => text.replaceAll(/^/gm, '      ');

const place = (file: string | undefined) => (file === undefined ? '' : relative(process.cwd(), file));

/** The reporter, as `--test-reporter` wants it. */
// eslint-disable-next-line import/no-default-export -- the runner takes the default export
export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    if (event.type === 'test:fail') {
      const { name, file, line, details } = event.data;
      // A suite fails because a test in it did, which has been told.
      if ('failureType' in details.error && details.error.failureType === 'subtestsFailed') continue;
      yield `  failed: ${name} (${place(file)}:${String(line ?? 0)})\n${indent(reasonOf(details.error))}\n`;
    } else if (event.type === 'test:pass' && event.data.skip !== undefined) {
      yield `  skipped: ${event.data.name} (${place(event.data.file)}): ${String(event.data.skip)}\n`;
    } else if (event.type === 'test:summary') {
      const { counts, file, duration_ms: ms } = event.data;
      const seconds = (ms / 1000).toFixed(1);
      if (file !== undefined) yield `${place(file).padEnd(56)} ${wordsOf(counts)} (${seconds} s)\n`;
      else append(counts);
    }
  }
}

function append(counts: Counts): void {
  const results = process.env['RKT_TEST_RESULTS'];
  if (results === undefined) return;
  appendFileSync(results, `${numbersOf(counts).join(' ')}\n`);
}
