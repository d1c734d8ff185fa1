// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRecord, parseTime, timeOf } from '../src/record.ts';

const TIME = '2026-01-02T03:04:05.000000006Z';

test('parseRecord() reads records, whatever their text is', () => {
  const text = (line: string) => parseRecord(Buffer.from(line))?.text.toString();
  assert.equal(text(`${TIME} stdout F a b`), 'a b');
  assert.equal(text(`${TIME} stdout F `), '');
  assert.equal(text(`${TIME} stderr P  é`), ' é');
  assert.equal(text(`${TIME} stdout F:more:tags x`), 'x');
  assert.equal(text('2026-01-02T03:04:05+02:00 stdout F x'), 'x');
  const { stream, isFull, time } = parseRecord(Buffer.from('2026-01-02T03:04:05.5+02:00 stderr P x')) ?? {};
  assert.deepEqual([stream, isFull, time], ['stderr', false, '2026-01-02T01:04:05.500000000Z']);
});

test('parseRecord() refuses everything else', () => {
  for (const line of [
    '',
    'x',
    TIME,
    `${TIME} stdout`,
    `${TIME} stdout F`,
    `${TIME} stdin F x`,
    `${TIME} stdout X x`,
    ` ${TIME} stdout F x`,
    'today stdout F x',
    `2026-02-30T00:00:00Z0 stdout F x`,
  ])
    assert.equal(parseRecord(Buffer.from(line)), undefined, line);
});

test('timeOf() prints times so that texts compare as times do', () => {
  assert.equal(timeOf('2026-01-02T03:04:05Z'), '2026-01-02T03:04:05.000000000Z');
  assert.equal(timeOf('2026-01-02t03:04:05.25-01:30'), '2026-01-02T04:34:05.250000000Z');
  for (const text of [
    '',
    '2026-01-02',
    '2026-01-02T03:04:05',
    '2026-01-02T25:00:00Z',
    '9999-12-31T23:59:59-01:00',
    '1969-12-31T23:59:59Z',
  ])
    assert.equal(timeOf(text), undefined, text);
});

test('parseTime() takes times, dates and durations', () => {
  const now = Date.parse('2026-01-02T03:04:05.678Z');
  assert.equal(parseTime('90s', 'since', now), '2026-01-02T03:02:35.678000000Z');
  assert.equal(parseTime('0', 'since', now), '2026-01-02T03:04:05.678000000Z');
  assert.equal(parseTime('-1h', 'until', now), '2026-01-02T04:04:05.678000000Z');
  assert.equal(parseTime('9000000h', 'since', now), '1970-01-01T00:00:00.000000000Z');
  assert.equal(parseTime('2026-01-02', 'since', now), '2026-01-02T00:00:00.000000000Z');
  for (const text of ['', 'x', '2026-01-02 03:04', '2026-1-2', '5'])
    assert.throws(() => parseTime(text, 'since', now), /cannot use --since=/);
});
