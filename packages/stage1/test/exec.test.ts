// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { Scratch, shell, skip, STAGE1 } from './stage1.ts';

test('exec passes arguments and exactly the environment of setenv', { skip }, () => {
  using scratch = new Scratch();
  const { stdout, status } = scratch.run(
    ['setenv A 1', 'setenv B ""', 'setenv A two\\040words\\012=', 'exec /usr/bin/env env printenv A B PATH'],
    { env: { PATH: '/canary', CANARY: 'x' } },
  );
  assert.equal(stdout, 'two words\n=\n\n');
  assert.equal(status, 1);
  const echo = scratch.run(['exec /bin/echo echo "" a\\040b """ ä']);
  assert.equal(echo.stdout, ' a b """ ä\n');
});

test('setenv refuses names that are none', { skip }, () => {
  using scratch = new Scratch();
  for (const name of ['""', 'A=B', '=']) {
    const { status, stderr } = scratch.run([`setenv ${name} x`]);
    assert.equal(status, 125);
    assert.match(stderr, /: setenv: cannot set variable ".* x": invalid argument\n$/);
  }
});

test('exec searches the PATH of the plan as execvp does', { skip }, () => {
  using scratch = new Scratch();
  for (const directory of ['denied', 'good', 'broken']) mkdirSync(scratch.path(directory));
  scratch.write('denied/program', '#!/bin/sh\necho denied');
  chmodSync(scratch.write('good/program', '#!/bin/sh\necho good "$0"'), 0o755);
  chmodSync(scratch.write('broken/program', 'not a program'), 0o755);
  const search = (path: string, name = 'program'): ReturnType<Scratch['run']> =>
    scratch.run([`chdir ${scratch.directory}/good`, `setenv PATH ${path}`, `exec ${name} program`]);
  const at = (...names: readonly string[]): string => names.map((name) => scratch.path(name)).join(':');
  assert.equal(search(at('none', 'denied', 'good')).stdout, `good ${scratch.path('good/program')}\n`);
  assert.equal(search(`${at('plan')}:`).stdout, 'good program\n');
  assert.equal(search(':').stdout, 'good program\n');
  assert.equal(search('""').stdout, 'good program\n');
  const denied = search(at('denied', 'none'));
  assert.equal(denied.status, 126);
  assert.match(denied.stderr, /exec: cannot execute "program": permission denied\n$/);
  const broken = search(at('broken', 'good'));
  assert.equal(broken.status, 126);
  assert.match(broken.stderr, /: exec format error\n$/);
  const missing = search(at('none'));
  assert.equal(missing.status, 127);
  assert.match(missing.stderr, /exec: cannot execute "program": executable file not found in \$PATH\n$/);
  assert.equal(search(at('good'), '""').status, 127);
  assert.equal(scratch.run(['exec sh sh']).status, 127);
});

test('exec of a path does not search', { skip }, () => {
  using scratch = new Scratch();
  const missing = scratch.run(['setenv PATH /bin', 'exec ./sh sh']);
  assert.equal(missing.status, 127);
  assert.match(missing.stderr, /exec: cannot execute "\.\/sh": no such file or directory\n$/);
  const directory = scratch.run(['exec /etc etc']);
  assert.equal(directory.status, 126);
  assert.match(directory.stderr, /: permission denied\n$/);
});

test('fexecve executes what the descriptor is open on', { skip }, () => {
  using scratch = new Scratch();
  const opened = ['open 5 /bin/echo O_PATH|O_CLOEXEC 0000', `chroot ${scratch.directory}`];
  assert.equal(
    scratch.run([
      'open 5 /usr/bin/busybox O_RDONLY|O_CLOEXEC 0000',
      `chroot ${scratch.directory}`,
      'fexecve 5 echo hello',
    ]).stdout,
    'hello\n',
  );
  // A dynamic program finds no loader in the empty root.
  assert.equal(scratch.run([...opened, 'fexecve 5 echo hello']).status, 127);
  assert.equal(scratch.run(['open 5 /etc/passwd O_RDONLY 0000', 'fexecve 5 passwd']).status, 126);
});

test('no descriptor of the caller or of the plan reaches the program', { skip }, () => {
  using scratch = new Scratch();
  const junk = Array.from({ length: 20 }, () => openSync('/etc/passwd', 'r'));
  const lists = (...lines: readonly string[]): string =>
    spawnSync(STAGE1, [scratch.plan([...lines, 'exec /usr/bin/busybox ls /proc/self/fd'])], {
      stdio: ['ignore', 'pipe', 'inherit', ...junk],
      encoding: 'utf8',
    }).stdout;
  // The fourth is the directory that ls reads.
  assert.equal(lists(), '0\n1\n2\n3\n');
  const { status, stderr } = spawnSync(STAGE1, [scratch.plan(['close 10'])], {
    stdio: ['ignore', 'ignore', 'pipe', ...junk],
    encoding: 'utf8',
  });
  assert.equal(status, 125);
  assert.match(stderr, /: bad file descriptor\n$/);
  const opened = [
    'open 10 /dev/null O_RDONLY 0000',
    'open 63 /dev/null O_RDONLY 0000',
    'report 10',
    'socketpair 20 21',
  ];
  assert.equal(lists(...opened), '0\n1\n2\n3\n');
  assert.equal(lists(...opened, 'clone 0 - - - -'), '0\n1\n2\n3\n');
});

test('standard descriptors that the caller has closed are null devices', { skip }, () => {
  using scratch = new Scratch();
  const plan = scratch.plan([
    'open 5 /etc/passwd O_RDONLY 0000',
    shell(`readlink /proc/self/fd/0 > ${scratch.path('out')}`),
  ]);
  spawnSync('/bin/sh', ['-c', `exec ${STAGE1} ${plan} 0<&- 1>&- 2>&-`]);
  assert.equal(scratch.read('out'), '/dev/null\n');
});

test('signals are neither blocked nor ignored in the program', { skip }, () => {
  using scratch = new Scratch();
  // Not by a shell, which has a mask of its own.
  const show = 'exec /bin/grep grep -E ^Sig(Blk|Ign) /proc/self/status';
  const clean = 'SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n';
  for (const lines of [[], ['clone 0 - - - -']]) {
    const plan = scratch.plan([...lines, show]);
    const { stdout } = spawnSync('/bin/sh', ['-c', `trap "" INT TERM USR1 PIPE; exec ${STAGE1} ${plan}`], {
      encoding: 'utf8',
    });
    assert.equal(stdout, clean);
  }
});

test('run executes a program and fails if it fails', { skip }, () => {
  using scratch = new Scratch();
  const { stdout, status } = scratch.run(['setenv A b', 'run /usr/bin/env env', 'setenv C d', 'exec /usr/bin/env env']);
  assert.equal(stdout, 'A=b\nA=b\nC=d\n');
  assert.equal(status, 0);
  const failure = (line: string): string => scratch.run([line, 'umask 0022']).stderr.replace(/^[^ ]* [^ ]* /, '');
  assert.equal(failure('run /bin/sh sh -c exit\\0403'), 'run: cannot run "/bin/sh sh -c exit\\0403": it failed\n');
  assert.equal(failure('run /none none'), 'run: cannot run "/none none": no such file or directory\n');
  assert.equal(failure('run /etc/passwd x'), 'run: cannot run "/etc/passwd x": permission denied\n');
  assert.equal(failure('run sh sh'), 'run: cannot run "sh sh": no such file or directory\n');
});

test('limits that the plan sets for the program do not break what is left of the plan', { skip }, () => {
  using scratch = new Scratch();
  const stack = ['setrlimit RLIMIT_STACK 4096 4096', 'setgroups 1', 'exec none none'];
  assert.equal(scratch.run(stack).status, 127);
  const plan = scratch.plan(['setrlimit RLIMIT_FSIZE 0 0', 'exec none none']);
  const fd = openSync(scratch.path('error'), 'w');
  assert.equal(spawnSync(STAGE1, [plan], { stdio: ['ignore', 'ignore', fd] }).status, 127);
});
