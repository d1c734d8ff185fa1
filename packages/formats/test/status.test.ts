// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { exitCodeOf, parseStatus } from '@rkt/formats';

test('parseStatus() reads start, readiness and end', () => {
  const status = parseStatus(
    'started 10 12 1700000000.250000000\nready 1700000000.500000000\nkilled 9 1700000001.000000000\n',
    'f',
  );
  assert.deepEqual(status, {
    started: { pids: [10, 12], timeMs: 1700000000250 },
    readyMs: 1700000000500,
    ended: { kind: 'killed', signal: 9, timeMs: 1700000001000 },
    restarts: 0,
  });
});

test('parseStatus() reads an empty file, and a last line that is not written yet', () => {
  assert.deepEqual(parseStatus('', 'f'), { restarts: 0 });
  assert.deepEqual(parseStatus('started 3 1.000000000\nexi', 'f'), {
    started: { pids: [3], timeMs: 1000 },
    restarts: 0,
  });
});

test('parseStatus() counts starts, and forgets the end before the last', () => {
  const once = 'started 3 2 1.000000000\nexited 1 2.000000000\n';
  assert.equal(parseStatus(once + once, 'f').restarts, 1);
  assert.deepEqual(parseStatus(`${once}started 4 5 3.000000000\n`, 'f'), {
    started: { pids: [4, 5], timeMs: 3000 },
    restarts: 1,
  });
});

test('parseStatus() refuses unknown lines', () => {
  for (const text of ['gone 1\n', 'exited x 1.0\n', 'exited 1.0\n', 'ready\n', ' \n']) {
    assert.throws(() => parseStatus(text, 'f'), { status: 65 }, text);
  }
});

test('exitCodeOf() is what a shell shows', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 255 }), (code) => exitCodeOf({ kind: 'exited', code }) === code));
  assert.equal(exitCodeOf({ kind: 'killed', signal: 15 }), 143);
});
