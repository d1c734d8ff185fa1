// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { EXIT, EXIT_MEANINGS, Failure, hasCode, reason } from '@rkt/exit';

test('EXIT gives each status one meaning', () => {
  const statuses = Object.values(EXIT);
  assert.equal(new Set(statuses).size, statuses.length);
  assert.deepEqual(Object.keys(EXIT_MEANINGS), Object.keys(EXIT));
});

test('Failure carries its status and cause', () => {
  const cause = new Error('inner');
  const failure = new Failure(EXIT.notFound, 'cannot find "x"', { cause });
  assert.equal(failure.status, 66);
  assert.equal(failure.cause, cause);
});

test('hasCode() knows errors of the system by their code', () => {
  const error = caught(() => readFileSync('/does/not/exist'));
  assert.equal(hasCode(error, 'EACCES', 'ENOENT'), true);
  assert.equal(hasCode(error, 'EACCES'), false);
  assert.equal(hasCode('ENOENT', 'ENOENT'), false);
});

test('reason() leaves out what Node adds to the words of the system', () => {
  assert.equal(reason(caught(() => readFileSync('/does/not/exist'))), 'no such file or directory');
  assert.equal(reason(new Error('plain')), 'plain');
  assert.equal(reason('text'), 'text');
});

function caught(work: () => void): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
