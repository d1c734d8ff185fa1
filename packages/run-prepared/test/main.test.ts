// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

const UUIDS = ['11111111-1111-4111-8111-111111111111', '12222222-1111-4111-8111-111111111111'];

/** An installation whose stage1 only prints its arguments, and prepared pods. */
function install(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'rkt-run-prepared-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const dir = join(root, 'data');
  for (const path of ['bin', 'lib/rkt/help', 'data/pods/run', ...UUIDS.map((uuid) => `data/pods/prepared/${uuid}`)]) {
    mkdirSync(join(root, path), { recursive: true });
  }
  const program = join(root, 'bin', 'rkt-run-prepared');
  copyFileSync(join(import.meta.dirname, '..', 'bin', 'rkt-run-prepared'), program);
  writeFileSync(join(root, 'lib/rkt/stage1'), '#!/bin/sh\necho "stage1 $*"\n');
  for (const path of [program, join(root, 'lib/rkt/stage1')]) chmodSync(path, 0o755);
  writeFileSync(join(root, 'lib/rkt/help/rkt-run-prepared'), 'usage\n');
  for (const uuid of UUIDS) writeFileSync(join(dir, 'pods/prepared', uuid, 'plan'), '');
  const run = (...args: readonly string[]) => spawnSync(program, [`--dir=${dir}`, ...args], { encoding: 'utf8' });
  return { dir, run };
}

test('rkt-run-prepared executes the plan of the one pod whose UUID begins so, in any case', (t) => {
  const { dir, run } = install(t);
  for (const prefix of [
    '111',
    '11111111-1111-4111-8111-111111111111',
    '11111111-1111-4111-8111-11111111111'.toUpperCase(),
  ]) {
    assert.equal(run(prefix).stdout, `stage1 ${dir}/pods/prepared/${UUIDS[0]}/plan\n`);
  }
  assert.equal(run('--trace', '12').stdout, `stage1 --trace ${dir}/pods/prepared/${UUIDS[1]}/plan\n`);
});

test('rkt-run-prepared refuses what names no pod or several, and what it does not know', (t) => {
  const { dir, run } = install(t);
  mkdirSync(join(dir, 'pods/run/33333333-1111-4111-8111-111111111111'));
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [[], 64, /a pod is required/],
    [[''], 64, /the UUID is empty/],
    [['../x'], 64, /not the beginning of a UUID/],
    [['1'], 64, /2 prepared pods begin so/],
    [['9'], 66, /no such prepared pod/],
    [['33'], 66, /it is not prepared but in/],
    [['--nope', '11'], 64, /unknown option --nope/],
    [['11', '12'], 64, /one pod at a time/],
  ];
  for (const [args, wanted, message] of cases) {
    const { status, stdout, stderr } = run(...args);
    assert.deepEqual([status, stdout], [wanted, ''], args.join(' '));
    assert.match(stderr, message);
    assert.equal(stderr.split('\n').length, 2);
  }
  assert.equal(run('--help').stdout, 'usage\n');
});

test(
  'rkt-run-prepared tells a user without rights so',
  { skip: process.getuid?.() === 0 ? false : 'needs root' },
  (t) => {
    const { dir } = install(t);
    const root = join(dir, '..');
    chmodSync(root, 0o755);
    chmodSync(join(dir, 'pods'), 0o700);
    const as = ['--reuid=65534', '--regid=65534', '--clear-groups', join(root, 'bin', 'rkt-run-prepared')];
    const { status, stderr } = spawnSync('setpriv', [...as, `--dir=${dir}`, '11'], { encoding: 'utf8' });
    assert.equal(status, 77);
    assert.match(stderr, /not root: wanted sudo/);
  },
);
