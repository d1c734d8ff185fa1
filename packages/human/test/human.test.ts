// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Failure } from '@rkt/exit';
import { layOut, parseDuration, printAge, printDuration, printJson, printSize, printTime } from '../src/index.ts';

test('layOut() separates columns by tabs that align at stops of eight', () => {
  assert.deepEqual(
    layOut([
      ['UUID', 'APP', 'STATE'],
      ['0123456789', 'a', 'running'],
    ]),
    ['UUID\t\tAPP\tSTATE', '0123456789\ta\trunning'],
  );
});

test('layOut() leaves an empty cell inside a row and drops empty cells at its end', () => {
  assert.deepEqual(
    layOut([
      ['a', 'b', 'c', 'd'],
      ['', 'x', '', ''],
    ]),
    ['a\tb\tc\td', '\tx'],
  );
});

test('layOut() escapes control and direction characters, so that a cell stays one cell', () => {
  const [line] = layOut([['a\tb', '\u001b]52;c\u0007', '\r\n', '\u202e']]);
  assert.equal(line, 'a\\u0009b\t\\u001b]52;c\\u0007\t\\u000d\\u000a\t\\u202e');
});

test('layOut() keeps the number of cells when a reader splits on tabs', () => {
  const cell = fc.string({ minLength: 1, maxLength: 20 }).filter((text) => text.trim() === text);
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell, cell), { minLength: 1 }), (rows) => {
      for (const line of layOut(rows)) assert.equal(line.split(/\t+/).length, 3);
    }),
    { numRuns: 200 },
  );
});

test('parseDuration() reads every unit and sums the parts', () => {
  assert.equal(parseDuration('1h15m30s', 'x'), 4_530_000);
  assert.equal(parseDuration('1.5s', 'x'), 1500);
  assert.equal(parseDuration('.5ms', 'x'), 0.5);
  assert.equal(parseDuration('-10s', 'x'), -10_000);
  assert.equal(parseDuration('0', 'x'), 0);
  assert.equal(parseDuration('2µs', 'x'), 0.002);
});

test('parseDuration() refuses numbers without unit, empty and unknown units', () => {
  for (const text of ['', '10', '5d', 's', '1h 5m', '1e3s', '--1s', '1..5s']) {
    assert.throws(
      () => parseDuration(text, 'grace-period'),
      (error) => error instanceof Failure && error.status === 64,
      text,
    );
  }
});

test('printDuration() is read back by parseDuration()', () => {
  assert.equal(printDuration(1_800_000), '30m0s');
  assert.equal(printDuration(86_400_000), '24h0m0s');
  assert.equal(printDuration(0), '0s');
  fc.assert(
    fc.property(fc.integer({ min: -1e10, max: 1e10 }), (ms) => {
      assert.ok(Math.abs(parseDuration(printDuration(ms), 'x') - ms) < 1);
    }),
  );
});

test('printTime() drops trailing zeros of the fraction', () => {
  const zone = process.env['TZ'];
  process.env['TZ'] = 'UTC';
  try {
    assert.equal(printTime(1_500_000_000_000), '2017-07-14 02:40:00 +0000 UTC');
    assert.equal(printTime(1_500_000_000_120), '2017-07-14 02:40:00.12 +0000 UTC');
    process.env['TZ'] = 'Asia/Kolkata';
    assert.match(printTime(1_500_000_000_120), /^2017-07-14 08:10:00.12 \+0530 /);
  } finally {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  }
});

test('printTime() prints a dash for what is no time', () => {
  assert.equal(printTime(Number.NaN), '-');
  assert.equal(printTime(1e300), '-');
});

test('printAge() counts in the largest whole unit, also into the future', () => {
  assert.equal(printAge(0, 500), 'now');
  assert.equal(printAge(0, 1000), '1 second ago');
  assert.equal(printAge(0, 3 * 60_000), '3 minutes ago');
  assert.equal(printAge(0, 25 * 3_600_000), '1 day ago');
  assert.equal(printAge(2 * 3_600_000, 0), 'in 2 hours');
});

test('printSize() prints binary units with two digits at least', () => {
  assert.equal(printSize(0), '0B');
  assert.equal(printSize(1023), '1023B');
  assert.equal(printSize(1536), '1.5KiB');
  assert.equal(printSize(50 * 1024 * 1024), '50MiB');
});

test('printJson() prints nothing that a terminal obeys, and means the same', () => {
  const value = { name: '\u001b[2J\u009b2J\u202e\u0000é' };
  for (const format of ['json', 'json-pretty'] as const) {
    const text = printJson(value, format);
    assert.doesNotMatch(text.replace(/[\n\t]/g, ''), /[\u0000-\u001f\u007f-\u009f\u202e]/);
    assert.deepEqual(JSON.parse(text), value);
  }
});
