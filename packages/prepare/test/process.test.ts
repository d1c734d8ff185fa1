// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { argumentsOf, directoryIn, environmentOf, workingDirectory } from '../src/process.ts';

const program = { image: 'x', exec: undefined, args: [] };
const identity = { uid: 0, gid: 0, groups: [], name: 'root', home: '/root' };
const sources = { app: 'x', identity, image: [], option: [], pod: [], inherited: undefined };

test('argumentsOf() joins entrypoint and command as the image configuration says', () => {
  assert.deepEqual(argumentsOf({ Entrypoint: ['e'], Cmd: ['c'] }, program), ['e', 'c']);
  assert.deepEqual(argumentsOf({ Entrypoint: ['e'], Cmd: ['c'] }, { ...program, args: ['a'] }), ['e', 'a']);
  assert.deepEqual(argumentsOf({ Entrypoint: ['e'], Cmd: ['c'] }, { ...program, exec: 'x', args: ['a'] }), ['x', 'a']);
  assert.deepEqual(argumentsOf({ Entrypoint: ['e'], Cmd: ['c'] }, { ...program, exec: 'x' }), ['x']);
  assert.deepEqual(argumentsOf({ Cmd: ['c'] }, program), ['c']);
});

test('argumentsOf() refuses an image without a program', () => {
  for (const config of [{}, { Cmd: [] }, { Cmd: [''] }, { Cmd: ['a\0b'] }]) {
    assert.throws(() => argumentsOf(config, program), { status: 65 });
  }
});

test('environmentOf() lets the stronger source win and sets what is missing', () => {
  const environment = environmentOf({
    ...sources,
    image: ['PATH=/image', 'A=image', 'B=image'],
    option: ['B=option'],
    pod: ['B=pod', 'C=c=d'],
    inherited: { A: 'host', D: 'host' },
  });
  const expected = ['PATH=/image', 'A=image', 'B=pod', 'C=c=d', 'D=host', 'HOME=/root', 'AC_APP_NAME=x'];
  for (const entry of expected) assert.ok(environment.includes(entry), entry);
});

test('environmentOf() never takes a value from the caller for an entry of the image without one', () => {
  const environment = environmentOf({ ...sources, image: ['HOSTVAR', '*', '=x', 'OK=1'] });
  assert.ok(environment.includes('OK=1'));
  assert.ok(!environment.some((entry) => /^(HOSTVAR|\*|=)/.test(entry)));
  assert.throws(() => environmentOf({ ...sources, option: ['NOVALUE'] }), { status: 64 });
});

test('directoryIn() says what the directory is for', () => {
  assert.equal(directoryIn('data/', 'volume'), '/data');
  assert.throws(() => directoryIn('/a/..', 'volume'), /^Failure: cannot use volume "\/a\/\.\.": /);
  assert.throws(() => directoryIn('/proc', 'volume'), /^Failure: cannot use volume "\/proc": it lies in \/proc$/);
});

test('workingDirectory() takes a plain absolute path and nothing that leads out', () => {
  assert.equal(workingDirectory('', undefined), '/');
  assert.equal(workingDirectory('//srv/./www/', undefined), '/srv/www');
  assert.equal(workingDirectory('relative', undefined), '/relative');
  assert.equal(workingDirectory('/a', '/b'), '/b');
  for (const path of ['/a/../..', '/proc/self/fd/7', '/proc', 'a\0b']) {
    assert.throws(() => workingDirectory(path, undefined), { status: 65 }, path);
  }
  assert.throws(() => workingDirectory('', 'relative'), { status: 65 });
});
