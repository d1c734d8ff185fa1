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
  assert.match(scratch.read('apps/a/status'), /^started \d+ 2 \d+\.\d{9}\nexited 0 \d+\.\d{9}\n$/);
  assert.match(scratch.read('apps/b/status'), /^started \d+ 3 \d+\.\d{9}\nexited 0 \d+\.\d{9}\n$/);
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
    return `${status} ${stderr.replace(/^stage1: .*:(\d+): /, ':$1: ')}`;
  };
  assert.equal(
    failed(['umask 0022', 'unlink /none', 'exec /bin/true true']),
    '125 :5: unlink: cannot remove "/none": no such file or directory\n',
  );
  assert.equal(failed(['exec none none']), '127 :4: exec: cannot execute "none": executable file not found in $PATH\n');
  assert.equal(failed(['exec /etc/passwd x']), '126 :4: exec: cannot execute "/etc/passwd": permission denied\n');
});

test('a pod whose plan fails after its apps have started takes them along', { skip }, () => {
  using scratch = new Scratch();
  const lines = podOf(scratch, { a: [obedient('a')] });
  const { status, stderr } = scratch.run([...lines.slice(0, -1), 'close 63', ...lines.slice(-1)]);
  assert.equal(status, 125);
  assert.match(stderr, /: close: cannot close descriptor "63"/);
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
  const { stdout } = scratch.run(lines.map((line) => line.replace('- SIGTERM', '9 SIGTERM')));
  const { status } = scratch.run([`rmdir ${cgroup}`]);
  assert.equal(stdout, `0::/stage1-test-app-${process.pid}\n`);
  assert.equal(status, 0);
});

test('there is no supervisor without a first process, and none without a supervisor', { skip }, () => {
  using scratch = new Scratch();
  scratch.plan(['reap'], 'init');
  scratch.plan(['exec a'], 'apps/a/plan');
  const app = 'app a apps/a/plan - SIGTERM PID_POD RESTART_NO 0';
  const refused = (...lines: string[]): string =>
    scratch.run(lines, { args: ['--check'] }).stderr.replace(/^.*plan: /, '');
  assert.equal(refused(app), 'no init precedes it\n');
  assert.equal(refused('supervise 0 - -'), 'no init precedes it\n');
  assert.equal(refused('init init - -', app), 'a plan with init does not end in supervise\n');
  assert.equal(refused('init init - -', 'setsid', 'supervise 0 - -'), 'it follows init\n');
  assert.equal(refused('reap'), 'not in a main plan\n');
  scratch.plan(['setsid'], 'init');
  assert.equal(refused('init init - -', 'supervise 0 - -'), 'the plan of the first process does not end in reap\n');
});

/** An app that counts how often it was started, and fails before the last time. */
function counting(scratch: Scratch, times: number): string {
  const file = scratch.path('count');
  return shell(`echo x >> ${file}; [ $(wc -l < ${file}) -lt ${times} ] && exit 3; exit 0`);
}

test('an app that fails is started anew until it does not', { skip }, () => {
  using scratch = new Scratch();
  const manner = 'PID_POD RESTART_ON_FAILURE 0';
  const { status, stderr } = scratch.run(podOf(scratch, { a: [counting(scratch, 3)] }, { manner }));
  assert.deepEqual([status, stderr], [0, '']);
  const [failed, ended] = ['started PID TIME\nexited 3 TIME\n', 'started PID TIME\nexited 0 TIME\n'];
  assert.equal(statusOf(scratch, 'apps/a/status'), failed + failed + ended);
});

test('an app that fails too often fails', { skip }, () => {
  using scratch = new Scratch();
  const manner = 'PID_POD RESTART_ON_FAILURE 1';
  const { status } = scratch.run(podOf(scratch, { a: [counting(scratch, 9)] }, { manner }));
  assert.equal(status, 3);
  assert.equal(scratch.read('count'), 'x\nx\n');
});

test('an app that is always started anew ends when it is stopped', { skip }, async () => {
  using scratch = new Scratch();
  const manner = 'PID_POD RESTART_ALWAYS 0';
  const child = scratch.start(podOf(scratch, { a: [shell('echo here; exit 0')] }, { manner }));
  const lines = linesOf(child);
  assert.deepEqual([await nextLine(lines), await nextLine(lines)], ['here', 'here']);
  child.kill('SIGTERM');
  // The signal may meet it between its last word and its end.
  const end = await endOf(child);
  assert.ok(end === 0 || end === 143, String(end));
});

test('an app whose program is not there is not started anew', { skip }, () => {
  using scratch = new Scratch();
  const manner = 'PID_POD RESTART_ALWAYS 0';
  assert.equal(scratch.run(podOf(scratch, { a: ['exec none none'] }, { manner })).status, 127);
  assert.equal(statusOf(scratch, 'apps/a/status'), 'exited 127 TIME\n');
});

test('an app is in the processes of the pod, in its own, or in those of the host', { skip }, () => {
  using scratch = new Scratch();
  const inProcesses = (where: string): string =>
    scratch.run(podOf(scratch, { a: [shell('echo $$')] }, { manner: `${where} RESTART_NO 0` })).stdout;
  assert.equal(inProcesses('PID_POD'), '2\n');
  assert.equal(inProcesses('PID_APP'), '1\n');
  assert.ok(Number(inProcesses('PID_HOST')) > 2);
});

for (const where of ['PID_APP', 'PID_HOST'] as const) {
  test(`an app in ${where} ends with its supervisor`, { skip }, async () => {
    using scratch = new Scratch();
    const child = scratch.start(
      podOf(scratch, { a: [shell('echo ready; exec sleep 1000')] }, { manner: `${where} RESTART_NO 0` }),
    );
    const lines = linesOf(child);
    assert.equal(await nextLine(lines), 'ready');
    child.kill('SIGKILL');
    // The end of its output: nobody lives who could write to it.
    assert.equal(await nextLine(lines), undefined);
  });
}
