// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import { parseDigest } from '@rkt/names';
import { makeProgress } from '../src/progress.ts';

const blob = (digit: string, size: number) => ({ digest: parseDigest(`sha256:${digit.repeat(64)}`), size });

/** What a terminal shows after the text: lines, with the two movements that the bars use. */
function screenOf(text: string): string[] {
  const lines = [''];
  let row = 0;
  for (const [part, up] of text.matchAll(/\u001b\[(\d+)A\r\u001b\[J|\n|[^\n\u001b]+/g)) {
    if (up !== undefined) {
      row -= Number(up);
      lines.length = row;
      lines.push('');
    } else if (part === '\n') {
      row += 1;
      lines.push('');
    } else {
      lines[row] += part;
    }
  }
  return lines.slice(0, -1);
}

test('makeProgress() draws a bar per blob on a terminal, and its line when it is done', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let text = '';
  const write = (more: string) => void (text += more);
  const progress = makeProgress({
    quiet: false,
    terminal: { columns: 60, write },
    note: (message) => write(`N ${message}\n`),
  });
  const [first, second] = [progress.start(blob('a', 2048)), progress.start(blob('b', 100))];
  first.advance(1024);
  t.mock.timers.tick(100);
  assert.deepEqual(screenOf(text), [
    `sha256:aaaaaaaaaaaa [${'#'.repeat(11)}${'.'.repeat(11)}]  50% of 2.0KiB`,
    `sha256:bbbbbbbbbbbb [${'.'.repeat(24)}]   0% of 100B`,
  ]);
  progress.note('a warning');
  second.end('added');
  assert.deepEqual(screenOf(text), [
    'N a warning',
    'N sha256:bbbbbbbbbbbb 100B done',
    `sha256:aaaaaaaaaaaa [${'#'.repeat(11)}${'.'.repeat(11)}]  50% of 2.0KiB`,
  ]);
  first.end('failed');
  progress.close();
  assert.deepEqual(screenOf(text), ['N a warning', 'N sha256:bbbbbbbbbbbb 100B done']);
});

test('makeProgress() keeps every line shorter than the terminal is wide', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  for (const columns of [1, 10, 30, 50, 200]) {
    let text = '';
    const progress = makeProgress({
      quiet: false,
      terminal: { columns, write: (more) => void (text += more) },
      note: () => undefined,
    });
    progress.start(blob('c', 0));
    t.mock.timers.tick(100);
    for (const line of screenOf(text)) assert.ok(line.length < Math.max(2, columns), `${columns}: ${line}`);
    progress.close();
  }
});

test('makeProgress() writes plain lines elsewhere, and nothing if quiet', () => {
  const lines: string[] = [];
  const note = (message: string) => void lines.push(message);
  for (const quiet of [false, true]) {
    const progress = makeProgress({ quiet, terminal: undefined, note });
    const tracks = ['a', 'b', 'c'].map((digit) => progress.start(blob(digit, 5)));
    tracks[0]?.end('added');
    tracks[1]?.end('present');
    tracks[2]?.end('failed');
    progress.note('warning');
    progress.close();
  }
  assert.deepEqual(lines, [
    'sha256:aaaaaaaaaaaa 5B done',
    'sha256:bbbbbbbbbbbb 5B already there',
    'warning',
    'warning',
  ]);
});
