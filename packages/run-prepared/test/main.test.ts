// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

const UUIDS = ['11111111-1111-4111-8111-111111111111', '12222222-1111-4111-8111-111111111111'];
const built = join(import.meta.dirname, '..', '..', 'stage1', 'build', 'rkt-run-prepared');

/** An installation, and prepared pods whose plans only print their UUID. */
function install(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'rkt-run-prepared-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const dir = join(root, 'data');
  for (const path of ['bin', 'lib/rkt/help', 'data/pods/run', ...UUIDS.map((uuid) => `data/pods/prepared/${uuid}`)]) {
    mkdirSync(join(root, path), { recursive: true });
  }
  const program = join(root, 'bin', 'rkt-run-prepared');
  copyFileSync(built, program);
  writeFileSync(join(root, 'lib/rkt/help/rkt-run-prepared'), 'usage\n');
  writeFileSync(join(root, 'lib/rkt/help/rkt-run-prepared.version'), 'version\n');
  for (const uuid of UUIDS)
    writeFileSync(join(dir, 'pods/prepared', uuid, 'plan'), `exec /bin/echo echo ran ${uuid}\n`);
  const run = (...args: readonly string[]) => spawnSync(program, [`--dir=${dir}`, ...args], { encoding: 'utf8' });
  return { root, dir, program, run };
}

test('rkt-run-prepared executes the plan of the one pod whose UUID begins so, in any case', (t) => {
  const { run } = install(t);
  for (const prefix of ['111', '11111111-1111-4111-8111-111111111111', 'AAA']) {
    const { status, stdout, stderr } = run(prefix);
    if (prefix === 'AAA') assert.deepEqual([status, stderr.includes('no such prepared pod')], [66, true]);
    else assert.deepEqual([status, stdout, stderr], [0, `ran ${UUIDS[0]}\n`, '']);
  }
  const traced = run('--trace', '12');
  assert.equal(traced.stdout, `ran ${UUIDS[1]}\n`);
});

test('rkt-run-prepared takes capital letters, a relative directory and the option behind the UUID', (t) => {
  const { dir, root, program } = install(t);
  const uuid = 'abcdef00-1111-4111-8111-111111111111';
  mkdirSync(join(dir, 'pods/prepared', uuid));
  writeFileSync(join(dir, 'pods/prepared', uuid, 'plan'), 'exec /bin/echo echo letters\n');
  for (const args of [
    ['--dir=data', 'ABC'],
    ['--dir', 'data', 'aBcDeF00-1111-4111-8111-111111111111'],
    ['abc', '--dir=data', '--debug'],
  ]) {
    assert.equal(spawnSync(program, args, { cwd: root, encoding: 'utf8' }).stdout, 'letters\n');
  }
});

test('rkt-run-prepared finds its texts also when it is called by a link', (t) => {
  const { root, run } = install(t);
  assert.equal(run('--help').stdout, 'usage\n');
  assert.equal(run('-h').stdout, 'usage\n');
  const link = join(root, 'data', 'link');
  symlinkSync('../bin/rkt-run-prepared', link);
  assert.equal(spawnSync(link, ['--version'], { encoding: 'utf8' }).stdout, 'version\n');
});

test('rkt-run-prepared refuses what names no pod or several, and what it does not know', (t) => {
  const { dir, run } = install(t);
  mkdirSync(join(dir, 'pods/run/33333333-1111-4111-8111-111111111111'));
  mkdirSync(join(dir, 'pods/prepared/.44444444-1111-4111-8111-111111111111.0123456789ab.tmp'));
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [[], 64, /a pod is required: wanted its UUID/],
    [[''], 64, /the UUID is empty/],
    [['../x'], 64, /"..\/x": not the beginning of a UUID/],
    [['1\u001b[31m'], 64, /"1\\033\[31m": not the beginning/],
    [[`${UUIDS[0]}1`], 64, /not the beginning of a UUID/],
    [['1'], 64, /"1": several prepared pods begin so/],
    [['9'], 66, /"9": no such prepared pod/],
    [['4'], 66, /no such prepared pod/],
    [['33'], 66, /it is not prepared but in phase run/],
    [['--nope', '11'], 64, /unknown option "--nope"/],
    [['11', '--dir'], 64, /option --dir needs a value: DIR/],
    [['11', '12'], 64, /one pod at a time: "12"/],
    [[`--dir=/${'x'.repeat(2000)}`, '11'], 64, /the path of the data directory is too long/],
    [['--dir=/nowhere', '11'], 66, /no such prepared pod/],
  ];
  for (const [args, wanted, message] of cases) {
    const { status, stdout, stderr } = run(...args);
    assert.deepEqual([status, stdout], [wanted, ''], args.join(' '));
    assert.match(stderr, message);
    assert.match(stderr, /^rkt-run-prepared: .*\n$/);
  }
});

test('rkt-run-prepared refuses a pod that somebody else could have changed', (t) => {
  const { dir, run } = install(t);
  chmodSync(join(dir, 'pods/prepared', UUIDS[0] ?? '', 'plan'), 0o666);
  const { status, stderr } = run('11');
  assert.equal(status, 77);
  assert.match(stderr, /others can write it/);
});

test(
  'rkt-run-prepared tells a user without rights so',
  { skip: process.getuid?.() === 0 ? false : 'needs root' },
  (t) => {
    const { root, dir, program } = install(t);
    chmodSync(root, 0o755);
    const as = ['--reuid=65534', '--regid=65534', '--clear-groups', program, `--dir=${dir}`, '11'];
    for (const closed of ['pods/prepared', 'pods']) {
      chmodSync(join(dir, closed), 0o700);
      const { status, stderr } = spawnSync('setpriv', as, { encoding: 'utf8' });
      assert.equal(status, 77, closed);
      assert.match(stderr, /not root: wanted sudo/);
    }
  },
);
