// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { fsyncSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { test } from 'node:test';
import { describe, EXIT, EXIT_MEANINGS, Failure, hasCode, nameIn, printable, reason } from '@rkt/exit';

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

test('describe() says the call, the path without control characters, and why', () => {
  assert.equal(
    describe(caught(() => readFileSync('/none\u001b[2J'))),
    'cannot open "/none\\u001b[2J": no such file or directory',
  );
  assert.equal(describe(caught(() => rmSync('/proc/version'))), 'cannot rm "/proc/version": operation not permitted');
  assert.equal(
    describe(caught(() => symlinkSync('target', '/none/link'))),
    'cannot symlink "/none/link": no such file or directory',
  );
  assert.equal(describe(new Error('plain')), undefined);
  const long = describe(caught(() => readFileSync(`/${'a'.repeat(230)}/end`))) ?? '';
  assert.match(long, /^cannot open "\.\.\.a{196}\/end": /);
});

test('nameIn() names the path in an error of a descriptor', () => {
  const error = caught(() => nameIn('/a/file', () => fsyncSync(1_000_000)));
  assert.equal(describe(error), 'cannot fsync "/a/file": bad file descriptor');
  assert.equal(
    nameIn('/a', () => 7),
    7,
  );
});

test('printable() leaves nothing that moves a cursor, and no more than 200 characters', () => {
  assert.equal(printable('a\u001b]52;\u0007\u202eb'), 'a\\u001b]52;\\u0007\\u202eb');
  assert.equal(printable('x'.repeat(300)).length, 203);
});

function caught(work: () => void): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
