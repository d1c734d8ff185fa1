// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { childrenOf, isAlive, obedient, podOf, statusOf } from './pod.ts';
import { endOf, isLocked, linesOf, nextLine, Scratch, shell, skip, waitForLock } from './stage1.ts';

/** Lines that hold the lock of the scratch directory. */
function locked(scratch: Scratch): readonly string[] {
  return [`open 5 ${scratch.directory} O_RDONLY|O_DIRECTORY|O_CLOEXEC 0000`, 'flock 5 LOCK_EX|LOCK_NB'];
}

test('the parent of a clone passes signals on', { skip }, async () => {
  using scratch = new Scratch();
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
  const traps = signals.map((signal) => `trap "echo ${signal}" ${signal.slice(3)}`).join('; ');
  const child = scratch.start([
    'clone 0 - - - -',
    'setsid',
    shell(`${traps}; echo ready; while :; do sleep 60 & wait; done`),
  ]);
  const lines = linesOf(child);
  assert.equal(await nextLine(lines), 'ready');
  const [program] = childrenOf(child.pid);
  for (const signal of signals) {
    child.kill(signal);
    assert.equal(await nextLine(lines), signal);
  }
  process.kill(-Number(program), 'SIGKILL');
  assert.equal(await endOf(child), 137);
});

test('the status says who started, and how it ended', { skip }, async () => {
  using scratch = new Scratch();
  const child = scratch.start(podOf(scratch, { a: [obedient('a')] }));
  const lines = linesOf(child);
  assert.equal(await nextLine(lines), 'a ready');
  const [first] = childrenOf(child.pid);
  assert.match(scratch.read('status'), new RegExp(String.raw`^started ${child.pid} ${first} \d+\.\d{9}\n`));
  process.kill(Number(first), 'SIGKILL');
  assert.equal(await endOf(child), 137);
  assert.match(scratch.read('status'), /^killed 9 \d+\.\d{9}$/m);
});

test('the lock is held while the pod runs, and by no app', { skip }, async () => {
  using scratch = new Scratch();
  const child = scratch.start(podOf(scratch, { a: [obedient('a')] }, { before: locked(scratch) }));
  const lines = linesOf(child);
  assert.equal(await nextLine(lines), 'a ready');
  assert.ok(isLocked(scratch.directory));
  const [first] = childrenOf(child.pid);
  const app = childrenOf(child.pid).at(-1);
  for (const pid of [child.pid, first]) assert.match(readFileSync(`/proc/${pid}/fdinfo/5`, 'utf8'), /^lock:.*FLOCK/m);
  const numbers = (pid: number | undefined): number[] =>
    readdirSync(`/proc/${pid}/fd`)
      .map(Number)
      .toSorted((a, b) => a - b);
  // What is above 63 is stage1's own.
  assert.deepEqual(
    numbers(first).filter((fd) => fd < 64),
    [0, 1, 2, 5],
  );
  assert.throws(() => readFileSync(`/proc/${app}/fdinfo/5`), { code: 'ENOENT' });
  child.kill('SIGTERM');
  assert.equal(await endOf(child), 0);
  assert.ok(!isLocked(scratch.directory));
});

test('who has the lock after kill -9 of the parent finds no app alive', { skip }, async () => {
  using scratch = new Scratch();
  const stubborn = shell('trap "" TERM HUP INT; echo ready; exec sleep 1000');
  const child = scratch.start(podOf(scratch, { a: [stubborn], b: [stubborn] }, { before: locked(scratch) }));
  const lines = linesOf(child);
  assert.deepEqual([await nextLine(lines), await nextLine(lines)], ['ready', 'ready']);
  const apps = childrenOf(child.pid).slice(1).filter(isAlive);
  assert.equal(apps.length, 2);
  child.kill('SIGKILL');
  waitForLock(scratch.directory);
  assert.deepEqual(apps.map(isAlive), [false, false]);
  assert.equal(await endOf(child), 'SIGKILL');
});

test('who has the lock after kill -9 of the first process finds no app alive', { skip }, async () => {
  using scratch = new Scratch();
  const child = scratch.start(podOf(scratch, { a: [obedient('a')] }, { before: locked(scratch) }));
  const lines = linesOf(child);
  assert.equal(await nextLine(lines), 'a ready');
  const [first, ...apps] = childrenOf(child.pid);
  process.kill(Number(first), 'SIGKILL');
  waitForLock(scratch.directory);
  assert.ok(apps.length > 0);
  assert.ok(!apps.some(isAlive));
  assert.equal(await endOf(child), 137);
});

test('the first process dies with its parent also before it supervises', { skip }, async () => {
  using scratch = new Scratch();
  const wait = 'run /bin/sh sh -c echo\\040running;\\040exec\\040sleep\\0401000';
  const child = scratch.start(podOf(scratch, {}, { before: locked(scratch), init: ['setresuid 0 0 0', wait] }));
  const output = linesOf(child);
  assert.equal(await nextLine(output), 'running');
  child.kill('SIGKILL');
  // The end of its output: nobody lives who could write to it.
  assert.equal(await nextLine(output), undefined);
  assert.ok(!isLocked(scratch.directory));
});

test('a change of credentials does not make the child survive its parent', { skip }, async () => {
  using scratch = new Scratch();
  const child = scratch.start([
    ...locked(scratch),
    'clone 0 - - - -',
    'setresgid 65534 65534 65534',
    'setresuid 65534 65534 65534',
    'capset 0 0 0',
    `run /bin/sh sh -c echo\\040running;\\040exec\\040sleep\\0401000`,
    'exec /bin/true true',
  ]);
  assert.equal(await nextLine(linesOf(child)), 'running');
  const [middle] = childrenOf(child.pid);
  const [sleep] = childrenOf(middle);
  child.kill('SIGKILL');
  // The child that waits for this program has the lock, too.
  waitForLock(scratch.directory);
  assert.ok(isAlive(sleep));
  process.kill(Number(sleep), 'SIGKILL');
  await endOf(child);
});

test('rmdir_after removes directories in order when the child has ended, and leaves what is busy', { skip }, () => {
  using scratch = new Scratch();
  const cgroup = `/sys/fs/cgroup/${existsSync('/sys/fs/cgroup/unified') ? 'unified/' : ''}stage1-test-${process.pid}`;
  const [a, b] = [`${cgroup}/a`, `${cgroup}/b`];
  const made = [cgroup, a, b].map((path) => `mkdir ${path} 0755`);
  const kept = scratch.path('kept');
  const { status, stdout, stderr } = scratch.run([
    ...made,
    `open 9 ${a} O_RDONLY|O_DIRECTORY 0000`,
    `mkdir ${kept} 0755`,
    `open 8 ${kept}/file O_WRONLY|O_CREAT 0600`,
    ...[a, '/none', b, kept, cgroup].map((path) => `rmdir_after ${path}`),
    'clone CLONE_NEWPID 9 - - -',
    shell(`ls -d ${cgroup} ${a} ${b} | wc -l; (sleep 1000 >/dev/null 2>&1 &); exit 3`),
  ]);
  assert.deepEqual([status, stdout, stderr], [3, '3\n', '']);
  assert.deepEqual([existsSync(cgroup), existsSync(kept)], [false, true]);
});

test('a running pod costs less than 300 KiB', { skip }, async (context) => {
  using scratch = new Scratch();
  const padding = Array.from({ length: 500 }, (_, index) => `setenv NAME${index} ${'x'.repeat(200)}`);
  const child = scratch.start(podOf(scratch, { a: [...padding, obedient('a')] }, { before: padding }));
  assert.equal(await nextLine(linesOf(child)), 'a ready');
  const pss = (pid: number | undefined): number =>
    Number(/^Pss: +(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]);
  const [first] = childrenOf(child.pid);
  // The app may be quicker than the supervisor, which gives memory back when all have started.
  let total = Infinity;
  for (let i = 0; i < 200 && !(total < 300); i++) {
    total = pss(child.pid) + pss(first);
    await delay(10);
  }
  context.diagnostic(`both processes: ${total} KiB`);
  child.kill('SIGTERM');
  assert.equal(await endOf(child), 0);
  assert.ok(total > 0 && total < 300, `${total} KiB`);
});

test('SIGTERM before the first process supervises is not lost', { skip }, async () => {
  using scratch = new Scratch();
  const fifo = scratch.path('fifo');
  const wait = `run /bin/sh sh -c echo\\040waiting;\\040cat\\040<\\040${fifo}`;
  const before = [`run /usr/bin/mkfifo mkfifo ${fifo}`];
  const child = scratch.start(podOf(scratch, { a: [shell('exec sleep 1000')] }, { before, init: [wait] }));
  assert.equal(await nextLine(linesOf(child)), 'waiting');
  child.kill('SIGTERM');
  scratch.run([`open 3 ${fifo} O_WRONLY 0000`]);
  assert.equal(await endOf(child), 143);
  assert.equal(statusOf(scratch, 'status').split('\n').at(-2), 'exited 143 TIME');
});
