// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { helpOf, parseOptions, type OptionTable } from '@rkt/command';

const table = {
  full: { type: 'boolean', describe: 'all', alias: 'f' },
  format: { type: 'string', describe: 'how', choices: ['json', 'text'], default: 'text' },
  name: { type: 'string', describe: 'name', value: 'NAME' },
  count: { type: 'number', describe: 'count' },
  mount: { type: 'strings', describe: 'mounts', value: 'MOUNT' },
  wait: { type: 'string', describe: 'wait', implied: 'true' },
} as const satisfies OptionTable;

test('parseOptions() gives every option its type, and operands in order', () => {
  const { given, operands } = parseOptions(table, [
    'a',
    '--full',
    '--name=x',
    '--mount',
    '1',
    '--mount=2',
    'b',
    '--count',
    '3',
  ]);
  assert.deepEqual(operands, ['a', 'b']);
  assert.deepEqual(given, { full: true, format: 'text', name: 'x', count: 3, mount: ['1', '2'], wait: undefined });
});

test('parseOptions() leaves absent options undefined, false or empty', () => {
  const { given } = parseOptions(table, []);
  assert.deepEqual(given, {
    full: false,
    format: 'text',
    name: undefined,
    count: undefined,
    mount: [],
    wait: undefined,
  });
});

test('parseOptions() keeps operands that look like numbers, and words behind --', () => {
  assert.deepEqual(parseOptions(table, ['007', '--', '--full', '-x']).operands, ['007', '--full', '-x']);
});

test('parseOptions() takes a single dash for a value, and as an operand elsewhere', () => {
  const { given, operands } = parseOptions(table, ['--name', '-', '-', '--full', '-', '--', '--name', '-']);
  assert.equal(given.name, '-');
  assert.deepEqual(operands, ['-', '-', '--name', '-']);
});

test('parseOptions() takes an implied value, a short name, and the last of two', () => {
  const { given } = parseOptions(table, ['--wait', '-f', '--name=a', '--name=b']);
  assert.equal(given.wait, 'true');
  assert.equal(given.full, true);
  assert.equal(given.name, 'b');
  assert.equal(parseOptions(table, ['--wait=5s']).given.wait, '5s');
});

test('parseOptions() refuses unknown options, wrong choices, missing values and no numbers', () => {
  for (const argv of [['--nope'], ['-z'], ['--format=xml'], ['--count=many'], ['--name'], ['--name='], ['--no-full']]) {
    assert.throws(() => parseOptions(table, argv), { name: 'Failure', status: 64 }, argv.join(' '));
  }
});

test('helpOf() names every option', () => {
  const help = helpOf({ name: 'rkt-x', synopsis: 'rkt-x [OPTION]...', summary: 'x', options: table });
  for (const name of Object.keys(table)) assert.ok(help.includes(`--${name}`), name);
});
