// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

/** Runs a command whose main has this body, in a process of its own. */
function runMain(t: TestContext, body: string, argv: readonly string[] = []) {
  const dir = mkdtempSync(join(import.meta.dirname, 'tmp-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'main.ts');
  writeFileSync(
    file,
    `import { run } from '@rkt/command'; import { Failure } from '@rkt/exit'; import { readFileSync } from 'node:fs';
     void Failure; void readFileSync;
     void run({ name: 'rkt-x', synopsis: 'rkt-x', summary: 'x', options: {}, main: (given, operands, context) => { ${body} } }, process.argv.slice(2));`,
  );
  return spawnSync(process.execPath, ['--conditions=source', file, ...argv], { encoding: 'utf8' });
}

test('run() prints a Failure as one line and exits with its status', (t) => {
  const { status, stderr } = runMain(t, `throw new Failure(66, 'cannot find "x": no such image\\nreally');`);
  assert.equal(status, 66);
  assert.equal(stderr, 'rkt-x: cannot find "x": no such image really\n');
});

test('run() tells a bug from an error of the system', (t) => {
  const bug = runMain(t, `throw new TypeError('oops');`);
  assert.equal(bug.status, 70);
  assert.match(bug.stderr, /^rkt-x: bug: TypeError: oops\n +at /);
  const system = runMain(t, `readFileSync('/does/not/exist'); return 0;`);
  assert.equal(system.status, 71);
  assert.equal(system.stderr, 'rkt-x: cannot open "/does/not/exist": no such file or directory\n');
});

test('run() says so when main waits for nothing that is left', (t) => {
  const { status, stderr } = runMain(t, `return new Promise(() => {});`);
  assert.equal(status, 70);
  assert.match(stderr, /^rkt-x: bug: Error: it waits for what will never be\n/);
});

test('run() gives main its operands and directory, and returns its status', (t) => {
  const { status, stdout } = runMain(t, `context.print(operands.join() + context.dir); return 1;`, [
    '--dir=/a/../b',
    'c',
    'd',
  ]);
  assert.equal(status, 1);
  assert.equal(stdout, 'c,d/b\n');
});

test('run() answers --help and --version without main', (t) => {
  assert.match(runMain(t, `throw new Error('main');`, ['--help']).stdout, /^usage: rkt-x\n/);
  assert.match(runMain(t, `throw new Error('main');`, ['--version']).stdout, /^rkt-x \d+\.\d+\.\d+\n$/);
});
