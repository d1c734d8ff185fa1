// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runBin } from '@rkt/pod-fixtures';
import { parseFeatures } from '@rkt/files';

test('rkt-version prints a line for each fact, in order', () => {
  const { status, stdout } = runBin('rkt-version', []);
  assert.equal(status, 0);
  assert.deepEqual(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/: .*/, '')),
    [
      'rkt Version',
      'OCI Image Version',
      'OCI Distribution Version',
      'OCI Runtime Version',
      'Node Version',
      'Node OS/Arch',
      'Features',
    ],
  );
  assert.match(stdout, /^rkt Version: \d+\.\d+\.\d+$/m);
  assert.match(stdout, /^Features: (unknown|\w+=\d+( \w+=\d+)*)$/m);
});

test('rkt-version --format=json prints one object', () => {
  const { stdout } = runBin('rkt-version', ['--format=json']);
  assert.partialDeepStrictEqual(JSON.parse(stdout), { 'Node Version': process.versions.node });
});

test('parseFeatures() reads names and numbers and leaves the rest', () => {
  assert.deepEqual({ ...parseFeatures('landlock=7\nopenat2=1\nweird line\nx=y\n') }, { landlock: 7, openat2: 1 });
});

test('rkt-version refuses operands with 64', () => {
  assert.equal(runBin('rkt-version', ['x']).status, 64);
});

test('rkt-version works for an ordinary user', { skip: process.getuid?.() !== 0 && 'needs root' }, () => {
  assert.equal(runBin('rkt-version', [], { user: 65534 }).status, 0);
});
