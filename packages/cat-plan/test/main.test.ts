// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makePod, runBin, TemporaryDirectory } from '@rkt/pod-fixtures';
import { parsePlan } from '@rkt/plan';
import type { Pod } from '@rkt/pods';

// ld [0]; jeq #39; ret ALLOW; ret KILL: a filter that allows getpid(2) on x86_64.
const FILTER = Buffer.from('20000000000000001500000127000000060000000000ff7f0600000000000080', 'hex');

function podWithFilter(dir: string): Pod {
  const pod = makePod(dir, { apps: ['one', 'two'] });
  const plan = '# restrict\nprctl PR_SET_NO_NEW_PRIVS 1\nseccomp 0 seccomp.bpf\nexec /bin/true true a\\040b\n';
  writeFileSync(join(pod.path, 'apps', 'one', 'plan'), plan);
  writeFileSync(join(pod.path, 'apps', 'one', 'seccomp.bpf'), FILTER);
  return pod;
}

test('rkt-cat-plan prints the plan of the pod and those of its apps under their names', () => {
  using dir = new TemporaryDirectory();
  const pod = podWithFilter(dir.path);
  const { status, stdout } = runBin('rkt-cat-plan', [`--dir=${dir.path}`, pod.uuid]);
  assert.equal(status, 0);
  assert.equal(
    stdout,
    `# --- plan ---
# the pod
chdir /

# --- init ---
# the first process
reap

# --- apps/one/plan ---
# restrict
prctl PR_SET_NO_NEW_PRIVS 1
seccomp 0 seccomp.bpf
exec /bin/true true a\\040b

# --- apps/two/plan ---
# the app
exec /bin/true true
`,
  );
});

test('rkt-cat-plan --app prints the plan of one app, which can be parsed again', () => {
  using dir = new TemporaryDirectory();
  const pod = podWithFilter(dir.path);
  const { stdout } = runBin('rkt-cat-plan', [`--dir=${dir.path}`, '--app=one', pod.uuid]);
  assert.deepEqual(
    parsePlan(stdout, 'x').map(({ op }) => op),
    ['prctl', 'seccomp', 'exec'],
  );
  const { status, stderr } = runBin('rkt-cat-plan', [`--dir=${dir.path}`, '--app=three', pod.uuid]);
  assert.equal(status, 66);
  assert.match(stderr, /cannot find app "three" in pod "[^"]+": it has no such app: wanted one of one, two\n$/);
});

test('rkt-cat-plan --explain says each line in words and lists the filter', () => {
  using dir = new TemporaryDirectory();
  const pod = podWithFilter(dir.path);
  const { status, stdout } = runBin('rkt-cat-plan', [`--dir=${dir.path}`, '--app=one', '--explain', pod.uuid]);
  assert.equal(status, 0);
  const lines = stdout.split('\n');
  assert.deepEqual(lines.slice(0, 3), ['--- apps/one/plan ---', '', '# restrict']);
  assert.match(stdout, /^ {2}Become the program "\/bin\/true"/m);
  assert.equal(lines.filter((line) => /^ {6}\s*\d+ {2}/.test(line)).length, 4);
});

test('rkt-cat-plan --explain refuses a malformed plan and a malformed or missing filter', () => {
  using dir = new TemporaryDirectory();
  const pod = podWithFilter(dir.path);
  const filter = join(pod.path, 'apps', 'one', 'seccomp.bpf');
  const explain = () => runBin('rkt-cat-plan', [`--dir=${dir.path}`, '--explain', pod.uuid]);
  writeFileSync(filter, 'abc');
  assert.equal(explain().status, 65);
  rmSync(filter);
  assert.equal(explain().status, 66);
  writeFileSync(join(pod.path, 'plan'), 'reboot now\n');
  const { status, stderr } = explain();
  assert.equal(status, 65);
  assert.match(stderr, /^rkt-cat-plan: cannot parse plan "[^"]+": line 1: [^\n]+\n$/);
});

test('rkt-cat-plan prints what a terminal could obey as escapes of the plan language', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path);
  writeFileSync(join(pod.path, 'plan'), '# a\u001b[2J\u009b\u202eb\nchdir /\u202e\n');
  for (const words of [[], ['--explain']]) {
    const { stdout } = runBin('rkt-cat-plan', [`--dir=${dir.path}`, ...words, pod.uuid]);
    assert.doesNotMatch(stdout, /[\u001b\u009b\u202e]/);
  }
  const { stdout } = runBin('rkt-cat-plan', [`--dir=${dir.path}`, pod.uuid]);
  assert.deepEqual(parsePlan(stdout.split('\n\n')[0] + '\n', 'x'), [{ op: 'chdir', path: '/\u202e' }]);
});

test('rkt-cat-plan reads no plan through a symbolic link', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path);
  const elsewhere = join(dir.path, 'elsewhere');
  mkdirSync(elsewhere);
  writeFileSync(join(elsewhere, 'plan'), 'chdir /secret\n');
  renameSync(join(pod.path, 'apps', 'app'), join(pod.path, 'apps', 'old'));
  symlinkSync(elsewhere, join(pod.path, 'apps', 'app'));
  const through = runBin('rkt-cat-plan', [`--dir=${dir.path}`, pod.uuid]);
  assert.deepEqual([through.status, through.stdout], [65, '']);
  rmSync(join(pod.path, 'plan'));
  symlinkSync(join(elsewhere, 'plan'), join(pod.path, 'plan'));
  assert.equal(runBin('rkt-cat-plan', [`--dir=${dir.path}`, pod.uuid]).status, 65);
});

test('rkt-cat-plan refuses unknown and missing UUIDs', () => {
  using dir = new TemporaryDirectory();
  makePod(dir.path, { uuid: 'aa' });
  assert.equal(runBin('rkt-cat-plan', [`--dir=${dir.path}`, 'ff']).status, 66);
  assert.equal(runBin('rkt-cat-plan', [`--dir=${dir.path}`]).status, 64);
});

test(
  'rkt-cat-plan refuses an ordinary user the pods of root with 77',
  { skip: process.getuid?.() !== 0 && 'needs root' },
  () => {
    using dir = new TemporaryDirectory();
    const pod = makePod(dir.path);
    chmodSync(dir.path, 0o755);
    assert.equal(runBin('rkt-cat-plan', [`--dir=${dir.path}`, pod.uuid], { user: 65534 }).status, 77);
  },
);
