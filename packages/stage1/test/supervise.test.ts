// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { obedient, podOf, statusOf } from './pod.ts';
import { endOf, linesOf, nextLine, Scratch, shell, skip, word } from './stage1.ts';

const ENDED = /^exited 0 \d+\.\d{9}$/m;

test('supervise ends with 0 when every app has, and writes what happened', { skip }, () => {
  using scratch = new Scratch();
  const { status, stderr } = scratch.run(podOf(scratch, { a: [shell('exit 0')], b: [shell('exit 0')] }));
  assert.equal(stderr, '');
  assert.equal(status, 0);
  assert.match(scratch.read('status'), /^started \d+ \d+ \d+\.\d{9}\nready \d+\.\d{9}\nexited 0 \d+\.\d{9}\n$/);
  assert.match(scratch.read('apps/a/status'), /^started 2 \d+\.\d{9}\nexited 0 \d+\.\d{9}\n$/);
  assert.match(scratch.read('apps/b/status'), /^started 3 \d+\.\d{9}\nexited 0 \d+\.\d{9}\n$/);
});

test('supervise without apps is ready and ends', { skip }, () => {
  using scratch = new Scratch();
  assert.equal(scratch.run(podOf(scratch, {})).status, 0);
  assert.equal(statusOf(scratch, 'status'), 'started PID TIME\nready TIME\nexited 0 TIME\n');
});

test('the first app that fails gives the status and stops the others', { skip }, () => {
  using scratch = new Scratch();
  const failing = (script: string): number | null =>
    scratch.run(podOf(scratch, { a: [obedient('a')], b: [shell(script)], c: [obedient('c')] })).status;
  assert.equal(failing('exit 3'), 3);
  assert.equal(statusOf(scratch, 'apps/b/status'), 'started PID TIME\nexited 3 TIME\n');
  assert.match(scratch.read('apps/a/status'), /^(exited 0|killed 15) /m);
  assert.equal(failing('kill -9 $$'), 137);
  assert.match(scratch.read('apps/b/status'), /^killed 9 \d+\.\d{9}\n$/m);
  assert.equal(failing('exit 200'), 200);
});

test('an app that ends well does not stop the others', { skip }, async () => {
  using scratch = new Scratch();
  const patient = `run /bin/sh sh -c ${word(`until grep -qs ^exited ${scratch.path('apps/b/status')}; do :; done`)}`;
  const child = scratch.start(
    podOf(scratch, { a: ['setenv PATH /bin', patient, obedient('a')], b: [shell('exit 0')] }),
  );
  const lines = linesOf(child);
  assert.equal(await nextLine(lines), 'a ready');
  child.kill('SIGTERM');
  assert.equal(await nextLine(lines), 'a stops');
  assert.equal(await endOf(child), 0);
  assert.match(scratch.read('apps/a/status'), ENDED);
});

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const) {
  test(`${signal} stops the apps in the reverse order of their start`, { skip }, async () => {
    using scratch = new Scratch();
    const apps = { a: [obedient('a')], b: [obedient('b')], c: [obedient('c')] };
    const child = scratch.start(podOf(scratch, apps));
    const lines = linesOf(child);
    const ready = [await nextLine(lines), await nextLine(lines), await nextLine(lines)];
    assert.deepEqual(new Set(ready), new Set(['a ready', 'b ready', 'c ready']));
    child.kill(signal);
    assert.deepEqual(
      [await nextLine(lines), await nextLine(lines), await nextLine(lines)],
      ['c stops', 'b stops', 'a stops'],
    );
    assert.equal(await endOf(child), 0);
  });
}

test('an app is stopped with its stop signal', { skip }, async () => {
  using scratch = new Scratch();
  const child = scratch.start(podOf(scratch, { a: [obedient('a', 'WINCH')] }, { stopSignal: 'SIGWINCH' }));
  const lines = linesOf(child);
  assert.equal(await nextLine(lines), 'a ready');
  child.kill('SIGTERM');
  assert.equal(await nextLine(lines), 'a stops');
  assert.equal(await endOf(child), 0);
});

test('an app that does not stop is killed after the grace period', { skip }, async () => {
  using scratch = new Scratch();
  const deaf = shell('trap "" TERM; echo ready; exec sleep 1000');
  const child = scratch.start(podOf(scratch, { a: [obedient('a')], b: [deaf] }, { graceMs: 50 }));
  const lines = linesOf(child);
  assert.deepEqual(new Set([await nextLine(lines), await nextLine(lines)]), new Set(['a ready', 'ready']));
  child.kill('SIGTERM');
  assert.equal(await nextLine(lines), 'a stops');
  assert.equal(await endOf(child), 137);
  assert.equal(statusOf(scratch, 'apps/b/status'), 'started PID TIME\nkilled 9 TIME\n');
});

test('a second SIGTERM neither repeats the stop signal nor shortens the grace period', { skip }, async () => {
  using scratch = new Scratch();
  const slow = shell(
    'trap "echo term" TERM; trap "echo usr1; exit 0" USR1; echo ready; while :; do sleep 60 & wait; done',
  );
  const child = scratch.start(podOf(scratch, { a: [slow] }));
  const lines = linesOf(child);
  assert.equal(await nextLine(lines), 'ready');
  child.kill('SIGTERM');
  assert.equal(await nextLine(lines), 'term');
  child.kill('SIGTERM');
  child.kill('SIGUSR1');
  assert.equal(await nextLine(lines), 'usr1');
  assert.equal(await endOf(child), 0);
});

test('SIGUSR1 and SIGUSR2 go to the first app', { skip }, async () => {
  using scratch = new Scratch();
  const listening = (name: string): string =>
    shell(
      `for s in USR1 USR2; do trap "echo ${name} $s" $s; done; trap "exit 0" TERM; echo ready; while :; do sleep 60 & wait; done`,
    );
  const child = scratch.start(podOf(scratch, { a: [listening('a')], b: [listening('b')] }));
  const lines = linesOf(child);
  assert.deepEqual([await nextLine(lines), await nextLine(lines)], ['ready', 'ready']);
  child.kill('SIGUSR1');
  assert.equal(await nextLine(lines), 'a USR1');
  child.kill('SIGUSR2');
  assert.equal(await nextLine(lines), 'a USR2');
  child.kill('SIGTERM');
  assert.equal(await endOf(child), 0);
});

test('orphans are reaped', { skip }, () => {
  using scratch = new Scratch();
  const script =
    'for i in 1 2 3 4 5; do (/bin/true & ) ; done; while grep -qs "^State:.Z" /proc/[0-9]*/status; do :; done';
  assert.equal(scratch.run(podOf(scratch, { a: [shell(script)] })).status, 0);
});

test('what apps leave behind ends with the pod', { skip }, () => {
  using scratch = new Scratch();
  const script = 'trap "" TERM HUP; (setsid sleep 1000 > /dev/null 2>&1 &); exit 0';
  assert.equal(scratch.run(podOf(scratch, { a: [shell(script)] })).status, 0);
});

test('an app whose plan fails is reported, and never started', { skip }, () => {
  using scratch = new Scratch();
  const failed = (lines: readonly string[]): string => {
    const pod = podOf(
      scratch,
      { a: [obedient('a')], b: lines },
      { before: [`open 9 ${scratch.path('error')} O_WRONLY|O_CREAT|O_TRUNC 0600`, 'report 9'] },
    );
    scratch.write('status', '');
    scratch.write('apps/b/status', '');
    const { status, stderr } = scratch.run(pod);
    assert.equal(scratch.read('error'), stderr);
    assert.equal(statusOf(scratch, 'apps/b/status'), `exited ${status} TIME\n`);
    assert.doesNotMatch(scratch.read('status'), /ready/);
    return `${status} ${stderr.replace(`stage1: ${scratch.path('apps/b/plan')}`, '')}`;
  };
  assert.equal(
    failed(['umask 0022', 'unlink /none', 'exec /bin/true true']),
    '125 :2: unlink: cannot remove "/none": no such file or directory\n',
  );
  assert.equal(failed(['exec none none']), '127 :1: exec: cannot execute "none": executable file not found in $PATH\n');
  assert.equal(failed(['exec /etc/passwd x']), '126 :1: exec: cannot execute "/etc/passwd": permission denied\n');
});

test('a pod whose plan fails after its apps have started takes them along', { skip }, () => {
  using scratch = new Scratch();
  const lines = podOf(scratch, { a: [obedient('a')] });
  const { status, stderr } = scratch.run([...lines.slice(0, -1), 'unlink /none', ...lines.slice(-1)]);
  assert.equal(status, 125);
  assert.match(stderr, /: unlink: cannot remove "\/none"/);
  assert.equal(statusOf(scratch, 'status'), 'started PID TIME\nexited 125 TIME\n');
});

test('an app begins with an empty environment and three descriptors', { skip }, () => {
  using scratch = new Scratch();
  const script =
    'echo ${A-unset} $B; i=0; while [ $i -lt 200 ]; do [ -e /proc/$$/fd/$i ] && echo $i; i=$((i+1)); done; exec grep SigBlk /proc/self/status';
  const pod = podOf(scratch, { a: ['setenv B b', shell(script)], b: ['setenv A a', shell('exit 0')] });
  const { stdout } = scratch.run(['setenv A main', ...pod]);
  assert.equal(stdout, 'unset b\n0\n1\n2\nSigBlk:\t0000000000000000\n');
});

test('the plan of an app has the descriptors of the pod, but no lock', { skip }, () => {
  using scratch = new Scratch();
  const before = [
    `open 5 ${scratch.directory} O_RDONLY|O_CLOEXEC 0000`,
    'open 6 /dev/null O_RDONLY|O_CLOEXEC 0000',
    'dup3 5 7 O_CLOEXEC',
    'flock 5 LOCK_EX',
    'dup3 5 8 O_CLOEXEC',
  ];
  const failing = (line: string): string =>
    scratch.run(podOf(scratch, { a: ['close 6', 'close 7', line, shell('exit 0')] }, { before })).stderr;
  assert.equal(failing('umask 0022'), '');
  assert.match(failing('close 5'), /: bad file descriptor\n$/);
  assert.match(failing('close 8'), /: bad file descriptor\n$/);
});

test('an app starts in its cgroup', { skip }, () => {
  using scratch = new Scratch();
  const cgroup = `/sys/fs/cgroup/unified/stage1-test-app-${process.pid}`;
  const before = [`mkdir ${cgroup} 0755`, `open 9 ${cgroup} O_RDONLY|O_DIRECTORY 0000`];
  const lines = podOf(scratch, { a: [shell('grep ^0: /proc/self/cgroup')] }, { before });
  const { stdout } = scratch.run(lines.map((line) => line.replace('11 - SIGTERM', '11 9 SIGTERM')));
  const { status } = scratch.run([`rmdir ${cgroup}`]);
  assert.equal(stdout, `0::/stage1-test-app-${process.pid}\n`);
  assert.equal(status, 0);
});

test('app and supervise refuse to be anything but the first process of a pid namespace', { skip }, () => {
  using scratch = new Scratch();
  const supervise = scratch.run(['supervise 0 -']);
  assert.equal(supervise.status, 125);
  assert.match(supervise.stderr, /supervise: cannot supervise "0 -": not the first process of a pid namespace\n$/);
  scratch.plan([shell('echo started')], 'apps/a/plan');
  const app = scratch.run(['app a apps/a/plan 3 - SIGTERM', 'supervise 0 -']);
  assert.equal(app.stdout, '');
  assert.match(app.stderr, /app: cannot start app "a apps\/a\/plan 3 - SIGTERM": not the first process/);
});
