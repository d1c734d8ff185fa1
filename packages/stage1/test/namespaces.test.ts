// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { Injector } from '../../../test/faults/injector.ts';
import { isLocked, PRIVATE_MOUNTS, Scratch, shell, skip, STAGE1, waitForLock } from './stage1.ts';

function run(scratch: Scratch, lines: readonly string[]): string {
  const { status, stderr, stdout } = scratch.run(lines);
  assert.equal(stderr, '');
  assert.equal(status, 0);
  return stdout;
}

function fails(scratch: Scratch, lines: readonly string[], message: string): void {
  const { status, stderr } = scratch.run(lines);
  assert.equal(stderr, `stage1: ${scratch.path('plan')}:${lines.length}: ${message}\n`);
  assert.equal(status, 125);
}

test('namespaces opens new ones in order, without entering them', { skip }, () => {
  using scratch = new Scratch();
  const flags = 'CLONE_NEWCGROUP|CLONE_NEWIPC|CLONE_NEWUTS|CLONE_NEWNET|CLONE_NEWUSER';
  const shown = run(scratch, [
    `namespaces ${flags} 10 0:100000:1000 0:200000:1000`,
    `setns 11 CLONE_NEWNET`,
    'setns 12 CLONE_NEWUTS',
    'setns 13 CLONE_NEWIPC',
    'setns 14 CLONE_NEWCGROUP',
    'setns 10 CLONE_NEWUSER',
    'setresgid 0 0 0',
    'setresuid 0 0 0',
    shell(
      'for i in user net uts ipc cgroup mnt; do readlink /proc/self/ns/$i; done; cat /proc/self/uid_map /proc/self/gid_map',
    ),
  ]).split('\n');
  const own = ['user', 'net', 'uts', 'ipc', 'cgroup', 'mnt'].map((name) => readlinkSync(`/proc/self/ns/${name}`));
  for (const [index, name] of own.entries()) {
    if (index < 5) assert.notEqual(shown[index], name);
    else assert.equal(shown[index], name);
    assert.equal(shown[index]?.split(':')[0], name.split(':')[0]);
  }
  assert.match(shown[6] ?? '', /^ +0 +100000 +1000$/);
  assert.match(shown[7] ?? '', /^ +0 +200000 +1000$/);
});

test('namespaces makes the user namespace own the others', { skip }, () => {
  using scratch = new Scratch();
  // Setting the host name needs CAP_SYS_ADMIN in the namespace that owns the UTS namespace.
  const lines = [
    'namespaces CLONE_NEWUSER|CLONE_NEWUTS 10 0:100000:1 0:100000:1',
    'setns 11 CLONE_NEWUTS',
    'setns 10 CLONE_NEWUSER',
  ];
  run(scratch, [...lines, 'setresuid 0 0 0', 'sethostname inside']);
  fails(
    scratch,
    [
      'unshare CLONE_NEWUTS',
      'namespaces CLONE_NEWUSER 10 0:100000:1 0:100000:1',
      'setns 10 CLONE_NEWUSER',
      'sethostname inside',
    ],
    'sethostname: cannot set host name "inside": operation not permitted',
  );
});

test('namespaces writes maps of several extents, and fails where the kernel does', { skip }, () => {
  using scratch = new Scratch();
  const shown = run(scratch, [
    'namespaces CLONE_NEWUSER 10 0:100000:10,10:5:1,4294967290:4294967290:4 0:1:1',
    'setns 10 CLONE_NEWUSER',
    shell('cat /proc/self/uid_map'),
  ]);
  assert.deepEqual(
    shown
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/ +/)),
    [
      ['0', '100000', '10'],
      ['10', '5', '1'],
      ['4294967290', '4294967290', '4'],
    ],
  );
  fails(
    scratch,
    ['namespaces CLONE_NEWUSER 10 0:0:2,1:5:1 -'],
    'namespaces: cannot make namespaces "CLONE_NEWUSER 10 0:0:2,1:5:1 -": invalid argument',
  );
  fails(
    scratch,
    ['namespaces CLONE_NEWNET 10 0:0:1 -'],
    'namespaces: cannot make namespaces "CLONE_NEWNET 10 0:0:1 -": operation not permitted',
  );
});

test('unshare, setns and their failures', { skip }, () => {
  using scratch = new Scratch();
  const shown = run(scratch, [
    'unshare CLONE_NEWUTS|CLONE_NEWIPC',
    'setdomainname d.example',
    'sethostname h',
    shell('cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname'),
  ]);
  assert.equal(shown, 'h\nd.example\n');
  fails(
    scratch,
    ['open 5 /proc/self/ns/net O_RDONLY 0000', 'setns 5 CLONE_NEWUTS'],
    'setns: cannot join namespace "5 CLONE_NEWUTS": invalid argument',
  );
  fails(
    scratch,
    ['unshare CLONE_NEWUTS', `sethostname ${'a'.repeat(65)}`],
    `sethostname: cannot set host name "${'a'.repeat(65)}": invalid argument`,
  );
  fails(
    scratch,
    ['unshare CLONE_NEWUTS', `setdomainname ${'a'.repeat(65)}`],
    `setdomainname: cannot set domain name "${'a'.repeat(65)}": invalid argument`,
  );
  fails(
    scratch,
    ['capset 0 0 0', 'unshare CLONE_NEWNET'],
    'unshare: cannot make namespaces "CLONE_NEWNET": operation not permitted',
  );
});

test('ioctl sets the flags of an interface', { skip }, () => {
  using scratch = new Scratch();
  const lines = [
    'unshare CLONE_NEWNET',
    'ioctl lo IFF_UP',
    ...PRIVATE_MOUNTS.slice(0, 2),
    'mount "" /sys sysfs 0 ""',
    shell('cat /sys/class/net/lo/flags'),
  ];
  assert.equal(run(scratch, lines), '0x9\n');
  fails(
    scratch,
    ['unshare CLONE_NEWNET', 'ioctl eth9 IFF_UP'],
    'ioctl: cannot change interface "eth9 IFF_UP": no such device',
  );
  fails(
    scratch,
    [`ioctl ${'a'.repeat(16)} IFF_UP`],
    `ioctl: cannot change interface "${'a'.repeat(16)} IFF_UP": no such device`,
  );
});

test('pidfd_open refuses a process that has another pid in its own namespace', { skip }, async () => {
  using scratch = new Scratch();
  const child = spawn('sleep', ['60']);
  await once(child, 'spawn');
  const pid = String(child.pid);
  try {
    run(scratch, [`pidfd_open 5 ${pid} ${pid}`, 'setns 5 CLONE_NEWUTS']);
    fails(scratch, [`pidfd_open 5 ${pid} 1`], `pidfd_open: cannot open process "5 ${pid} 1": no such process`);
    fails(scratch, [`pidfd_open 5 ${pid} 0`], `pidfd_open: cannot open process "5 ${pid} 0": no such process`);
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  fails(scratch, [`pidfd_open 5 ${pid} ${pid}`], `pidfd_open: cannot open process "5 ${pid} ${pid}": no such process`);
});

test('clone goes on in a child, and the parent exits as it did', { skip }, () => {
  using scratch = new Scratch();
  const statusOf = (script: string): number | null => scratch.run(['clone CLONE_NEWPID - - - -', shell(script)]).status;
  assert.equal(statusOf('exit 0'), 0);
  assert.equal(statusOf('exit 7'), 7);
  assert.equal(statusOf('test $$ = 1 || exit 9'), 0);
  assert.equal(scratch.run(['clone 0 - - - -', shell('kill -9 $$')]).status, 137);
  assert.equal(scratch.run(['clone 0 - - - -', 'umask 0022']).status, 0);
  assert.equal(scratch.run(['clone 0 - - - -', 'unlink /none']).status, 125);
  assert.equal(scratch.run(['clone 0 - - - -', 'clone 0 - - - -', 'clone 0 - - - -', shell('exit 5')]).status, 5);
});

test('clone writes the maps of a user namespace before the child goes on', { skip }, () => {
  using scratch = new Scratch();
  const shown = run(scratch, [
    'clone CLONE_NEWUSER - - 0:100000:1 0:100000:1',
    'setresgid 0 0 0',
    'setresuid 0 0 0',
    shell('cat /proc/self/uid_map'),
  ]);
  assert.match(shown, /^ +0 +100000 +1\n$/);
  fails(
    scratch,
    ['clone CLONE_NEWUSER - - 0:0:2,1:5:1 -'],
    'clone: cannot make process "CLONE_NEWUSER - - 0:0:2,1:5:1 -": invalid argument',
  );
});

test('clone maps its own ids without privileges', { skip }, () => {
  using scratch = new Scratch();
  const home = scratch.path('home');
  mkdirSync(home);
  const inner = scratch.plan(
    ['clone CLONE_NEWUSER|CLONE_NEWNS - - 0:65534:1 0:65534:1', shell('id -u; id -g; cat /proc/self/setgroups')],
    'home/inner',
  );
  chownSync(home, 65534, 65534);
  chownSync(inner, 65534, 65534);
  const program = `${home}/stage1`;
  const { status, stdout, stderr } = scratch.run([
    `run /bin/cp cp ${STAGE1} ${program}`,
    `chmod ${scratch.directory} 0755`,
    'setgroups',
    'setresgid 65534 65534 65534',
    'setresuid 65534 65534 65534',
    `exec ${program} stage1 ${inner}`,
  ]);
  assert.equal(stderr, '');
  assert.equal(status, 0);
  assert.equal(stdout, '0\n0\ndeny\n');
});

test('clone starts the child in the cgroup', { skip }, () => {
  using scratch = new Scratch();
  const cgroup = `/sys/fs/cgroup/unified/stage1-test-${process.pid}`;
  const lines = [`mkdir ${cgroup} 0755`, `open 5 ${cgroup} O_RDONLY|O_DIRECTORY 0000`];
  const shown = scratch.run([...lines, 'clone 0 5 - - -', shell('grep ^0: /proc/self/cgroup')]);
  const { status } = scratch.run([`rmdir ${cgroup}`]);
  assert.equal(shown.stdout, `0::/stage1-test-${process.pid}\n`);
  assert.equal(status, 0);
  fails(
    scratch,
    ['open 5 / O_RDONLY 0000', 'clone 0 5 - - -'],
    'clone: cannot make process "0 5 - - -": bad file descriptor',
  );
});

test('the process that namespaces makes does not survive its parent, whenever that is killed', { skip }, () => {
  using scratch = new Scratch();
  using injector = new Injector();
  const lock = [`open 5 ${scratch.directory} O_RDONLY|O_DIRECTORY|O_CLOEXEC 0000`, 'flock 5 LOCK_EX|LOCK_NB'];
  const command = [STAGE1, scratch.plan([...lock, 'namespaces CLONE_NEWUTS|CLONE_NEWIPC 10 - -'])];
  const points = injector.points(command, {});
  const made = points.findIndex(({ call }) => call === 'clone3');
  for (const { number } of points.slice(made)) {
    injector.strike(command, {}, { number, fault: 'kill' });
    waitForLock(scratch.directory);
    assert.ok(!isLocked(scratch.directory), `killed at call ${number}`);
  }
});
