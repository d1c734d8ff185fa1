// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, closeSync, mkdirSync, openSync, symlinkSync } from 'node:fs';
import { test } from 'node:test';
import { flagSets, limits, operations } from '@rkt/plan';
import { isLocked, Scratch, shell, skip, STAGE1 } from './stage1.ts';
import { podOf } from './pod.ts';

function stage1(...args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(STAGE1, args, { encoding: 'utf8' });
}

test('stage1 refuses wrong usage with 64', { skip }, () => {
  const wrong = [
    [],
    [''],
    ['-x'],
    ['a', 'b'],
    ['--check'],
    ['--trace'],
    ['--flock', '3'],
    ['--flock', 'a', 'LOCK_EX'],
    ['--flock', '3', 'LOCK'],
    ['--list-ops', 'x'],
  ];
  for (const args of wrong) {
    const { status, stderr } = stage1(...args);
    assert.equal(status, 64, args.join(' '));
    assert.match(stderr, /^stage1: usage: [^\n]*\n$/);
  }
});

test('stage1 --list-ops prints the table of the plan language', { skip }, () => {
  const sets: Readonly<Record<string, readonly string[]>> = flagSets;
  const wanted = Object.entries(operations).map(([name, { args }]) => {
    const kinds = args.map(([, kind]) => {
      const [form = '', set] = kind.split(':');
      return set === undefined ? form : `${form}:${sets[set]?.join('|')}`;
    });
    return [name, ...kinds].join(' ');
  });
  assert.deepEqual(stage1('--list-ops').stdout.split('\n'), [...wanted, '']);
});

test('stage1 --features prints what the kernel can do', { skip }, () => {
  const { status, stdout } = stage1('--features');
  assert.equal(status, 0);
  assert.match(
    stdout,
    /^landlock=\d+\nopenat2=1\nmount_setattr=1\nclone_into_cgroup=1\npidfd=1\nclose_range=1\nfsopen=1\nuserns=[01]\n$/,
  );
});

test('stage1 --flock locks the file that the caller has open', { skip }, () => {
  using scratch = new Scratch();
  const path = scratch.write('lock', '');
  const fd = openSync(path, 'r');
  const other = openSync(path, 'r');
  const lock = (descriptor: number, operation: string): number | null =>
    spawnSync(STAGE1, ['--flock', '3', operation], { stdio: ['ignore', 'ignore', 'ignore', descriptor] }).status;
  assert.equal(lock(fd, 'LOCK_EX|LOCK_NB'), 0);
  assert.ok(isLocked(path));
  assert.equal(lock(other, 'LOCK_EX|LOCK_NB'), 75);
  assert.equal(lock(fd, 'LOCK_UN'), 0);
  assert.equal(lock(other, 'LOCK_SH|LOCK_NB'), 0);
  closeSync(fd);
  closeSync(other);
  const { status, stderr } = stage1('--flock', '9', 'LOCK_EX');
  assert.equal(status, 125);
  assert.equal(stderr, 'stage1: cannot lock "9": bad file descriptor\n');
});

test('stage1 refuses a plan that is missing with 66', { skip }, () => {
  using scratch = new Scratch();
  const { status, stderr } = stage1(scratch.path('none'));
  assert.equal(status, 66);
  assert.equal(stderr, `stage1: ${scratch.path('none')}: cannot read: no such file or directory\n`);
  assert.equal(stage1(scratch.path('none/none')).status, 66);
  assert.equal(scratch.run(['seccomp 0 none']).status, 66);
  assert.equal(scratch.run(['init none - -', 'supervise 0 - -']).status, 66);
});

test('stage1 refuses a plan that somebody else could have written with 77', { skip }, () => {
  using scratch = new Scratch();
  const path = scratch.plan(['setsid']);
  const refused = (pattern: RegExp, plan = path): void => {
    const { status, stderr } = stage1('--check', plan);
    assert.equal(status, 77, String(pattern));
    assert.match(stderr, pattern);
  };
  assert.equal(stage1('--check', path).status, 0);
  chownSync(path, 65534, 0);
  refused(/: cannot read: it belongs to somebody else\n$/);
  chownSync(path, 0, 65534);
  assert.equal(stage1('--check', path).status, 0);
  for (const mode of [0o664, 0o646, 0o622]) {
    chmodSync(path, mode);
    refused(/: cannot read: others can write it\n$/);
  }
  chmodSync(path, 0o600);
  chmodSync(scratch.directory, 0o770);
  refused(/: others can write its directory\n$/);
  chmodSync(scratch.directory, 0o1777);
  refused(/: others can write its directory\n$/);
  chmodSync(scratch.directory, 0o700);
  chownSync(scratch.directory, 65534, 0);
  refused(/: its directory belongs to somebody else\n$/);
  chownSync(scratch.directory, 0, 0);
  symlinkSync(path, scratch.path('link'));
  refused(/: cannot read: too many levels of symbolic links\n$/, scratch.path('link'));
  spawnSync('mkfifo', [scratch.path('fifo')]);
  refused(/: cannot read: not a regular file\n$/, scratch.path('fifo'));
  mkdirSync(scratch.path('directory'));
  refused(/: cannot read: not a regular file\n$/, scratch.path('directory'));
});

test('stage1 refuses plans of apps and filters that somebody else could have written with 77', { skip }, () => {
  using scratch = new Scratch();
  const plan = scratch.plan(podOf(scratch, { a: ['seccomp 0 filter', 'exec a'] }));
  const appPlan = scratch.path('apps/a/plan');
  const filter = scratch.write('apps/a/filter', new Uint8Array(8));
  const status = (): number | null => stage1('--check', plan).status;
  assert.equal(status(), 0);
  for (const path of [appPlan, filter, scratch.path('init'), scratch.path('apps/a'), scratch.path('apps')]) {
    chmodSync(path, 0o777);
    assert.equal(status(), 77, path);
    chmodSync(path, 0o755);
    chownSync(path, 65534, 0);
    assert.equal(status(), 77, path);
    chownSync(path, 0, 0);
    assert.equal(status(), 0);
  }
  symlinkSync('apps', scratch.path('link'));
  const { status: linked } = scratch.run(
    ['init init - -', 'app a link/a/plan - SIGTERM PID_POD RESTART_NO 0', 'supervise 0 - -'],
    { args: ['--check'] },
  );
  assert.equal(linked, 77);
});

test('stage1 names file, line, operation and what is wanted of a malformed plan', { skip }, () => {
  using scratch = new Scratch();
  const refused = (lines: readonly string[], message: string): void => {
    const { status, stderr } = scratch.run(lines, { args: ['--check'] });
    assert.equal(status, 65);
    assert.equal(stderr, `stage1: ${scratch.path('plan')}:${message}\n`);
  };
  refused(['# x', '', 'mkdir /a\\040b 755'], '3: mkdir: cannot accept mode "755": wanted four octal digits');
  refused(['ünlink a'], '1: cannot accept "\\303\\274nlink": unknown operation');
  refused(['setsid a'], '1: setsid: cannot accept plan: too many arguments');
  refused(['exec a', 'setsid'], '1: exec: cannot accept plan: an operation follows');
  refused(['unlink \\303'], '1: cannot accept plan: malformed escape');
});

test('stage1 checks everything before the first operation', { skip }, () => {
  using scratch = new Scratch();
  const { status, stderr } = scratch.run([`mkdir ${scratch.path('made')} 0755`, ...podOf(scratch, { a: ['setsid'] })]);
  assert.equal(status, 65);
  assert.match(stderr, /apps\/a\/plan: cannot accept plan: the plan of an app does not end in exec or fexecve\n$/);
  assert.throws(() => scratch.read('made'), { code: 'ENOENT' });
  scratch.write('filter', new Uint8Array(7));
  assert.equal(scratch.run(['seccomp 0 filter']).status, 65);
  scratch.write('filter', new Uint8Array(8 * 4097));
  assert.equal(scratch.run(['seccomp 0 filter']).status, 65);
  scratch.write('filter', '');
  assert.equal(scratch.run(['seccomp 0 filter']).status, 65);
});

test('stage1 enforces the limits of one start', { skip }, () => {
  using scratch = new Scratch();
  const app = 'app a apps/plan - SIGTERM PID_POD RESTART_NO 0';
  const apps = (count: number): readonly string[] => [
    'init init - -',
    ...Array.from({ length: count }, () => app),
    'supervise 0 - -',
  ];
  scratch.plan(['reap'], 'init');
  const check = (lines: readonly string[]): number | null => scratch.run(lines, { args: ['--check'] }).status;
  scratch.plan(['exec a'], 'apps/plan');
  assert.equal(check(apps(63)), 0);
  assert.equal(check(apps(64)), 65);
  // Together 1 MiB of text: the main plan is small.
  scratch.write('apps/plan', `${'\n'.repeat(limits.planBytes - 100)}exec a\n`);
  assert.equal(check(apps(1)), 0);
  assert.equal(check(apps(2)), 0);
  assert.equal(check(apps(3)), 65);
  // Together 16384 operations.
  scratch.plan([...Array.from({ length: limits.operations - 1 }, () => 'setsid'), 'exec a'], 'apps/plan');
  assert.equal(check(apps(3)), 0);
  assert.equal(check(apps(4)), 65);
  // Together 64 filters.
  scratch.write('apps/filter', new Uint8Array(8));
  scratch.plan([...Array.from({ length: 32 }, () => 'seccomp 0 filter'), 'exec a'], 'apps/plan');
  assert.equal(check(apps(2)), 0);
  assert.equal(check(apps(3)), 65);
});

test('stage1 --check obeys each limit of a plan to the byte', { skip }, () => {
  using scratch = new Scratch();
  const check = (text: string): number | null => stage1('--check', scratch.write('plan', text)).status;
  assert.equal(check(''), 0);
  assert.equal(check('setsid'), 65);
  assert.equal(check('\n'.repeat(limits.planBytes)), 0);
  assert.equal(check('\n'.repeat(limits.planBytes + 1)), 65);
  assert.equal(check('setsid\n'.repeat(limits.operations)), 0);
  assert.equal(check('setsid\n'.repeat(limits.operations + 1)), 65);
  assert.equal(check(`#${'a'.repeat(limits.lineBytes - 1)}\n`), 0);
  assert.equal(check(`#${'a'.repeat(limits.lineBytes)}\n`), 65);
  assert.equal(check(`exec${' a'.repeat(limits.words - 1)}\n`), 0);
  assert.equal(check(`exec${' a'.repeat(limits.words)}\n`), 65);
  assert.equal(check(`unlink ${'a'.repeat(limits.pathBytes)}\n`), 0);
  assert.equal(check(`unlink ${'a'.repeat(limits.pathBytes + 1)}\n`), 65);
});

test('stage1 --trace prints each operation with its microseconds', { skip }, () => {
  using scratch = new Scratch();
  const { status, stderr, stdout } = scratch.run(['umask 0022', 'setenv A b\\040c', shell('echo "$A"')], {
    args: ['--trace'],
  });
  assert.equal(status, 0);
  assert.match(stderr, /^ +\d+ umask 0022\n +\d+ setenv A b\\040c\n$/);
  assert.equal(stdout, 'b c\n');
});
