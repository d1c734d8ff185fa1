// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

/** An installation whose other programs print their names and arguments. */
function install(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'rkt-app-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const path of ['bin', 'lib/rkt/help']) mkdirSync(join(root, path), { recursive: true });
  for (const name of ['rkt-run', 'rkt-prepare', 'rkt-enter', 'rkt-app-control']) {
    const path = join(root, 'bin', name);
    writeFileSync(path, '#!/bin/sh\nprintf %s "${0##*/}"; printf " <%s>" "$@"\n');
    chmodSync(path, 0o755);
  }
  writeFileSync(join(root, 'lib/rkt/help/rkt-app'), 'usage\n');
  const program = join(root, 'bin', 'rkt-app');
  copyFileSync(join(import.meta.dirname, '..', 'bin', 'rkt-app'), program);
  chmodSync(program, 0o755);
  return (...args: readonly string[]) => spawnSync(program, args, { encoding: 'utf8' });
}

test('rkt-app becomes the program of its verb, with all other words as they are', (t) => {
  const app = install(t);
  const became = (...args: readonly string[]) => app(...args).stdout;
  assert.equal(became('start', 'U', '--app=a'), 'rkt-app-control <start> <U> <--app=a>');
  assert.equal(became('--dir', '/d', 'list', 'U'), 'rkt-app-control <list> <--dir> </d> <U>');
  assert.equal(
    became('--dir=/d', 'exec', '--app=a', 'U', 'sh', '-c', 'a  b'),
    'rkt-enter <--dir=/d> <--app=a> <U> <sh> <-c> <a  b>',
  );
  assert.equal(became('sandbox', '--hostname=h'), 'rkt-run <--mutable> <--hostname=h>');
  assert.equal(
    became('--dir', '/d', 'add', 'U', 'I', '--name=a', '--', 'add', 'U', ''),
    'rkt-prepare <--add-to=U> <--dir> </d> <I> <--name=a> <--> <add> <U> <>',
  );
  assert.equal(
    became('add', '--dir', '/d', '--policy=p', 'U', 'I'),
    'rkt-prepare <--add-to=U> <--dir> </d> <--policy=p> <I>',
  );
});

test('rkt-app refuses what is no verb, and tells its usage', (t) => {
  const app = install(t);
  const refused = (...args: readonly string[]) => {
    const { status, stderr } = app(...args);
    assert.equal(status, 64);
    return stderr;
  };
  assert.match(refused(), /^rkt-app: missing verb: wanted sandbox/);
  assert.match(refused('--dir', '/d'), /^rkt-app: missing verb/);
  assert.match(refused('d\u0007ance'), /^rkt-app: unknown verb "dance": wanted sandbox/);
  assert.match(refused('add'), /^rkt-app: must provide the pod UUID and an image\n$/);
  assert.deepEqual([app('--help').stdout, app('--help').status], ['usage\n', 0]);
});
