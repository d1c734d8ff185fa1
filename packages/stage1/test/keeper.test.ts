// SPDX-License-Identifier: Apache-2.0
// Apps whose output is kept: their supervisor starts iomux for them.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'node:test';
import { childrenOf, obedient, podOf, request, sandbox } from './pod.ts';
import { endOf, Scratch, shell, skip } from './stage1.ts';

const IOMUX = join(import.meta.dirname, '../build/iomux');

/** Has the output of the app kept, with these streams. */
function keep(scratch: Scratch, name: string, streams = '--stdout=61 --stderr=62'): void {
  mkdirSync(scratch.path(`apps/${name}/iomux`), { recursive: true, mode: 0o700 });
  const words = `${streams} --log=${scratch.path(`apps/${name}/log`)} ${scratch.path(`apps/${name}/iomux`)}`;
  scratch.plan([`exec ${IOMUX} iomux ${words}`], `apps/${name}/output`);
}

function logOf(scratch: Scratch, name = 'a'): string {
  const path = scratch.path(`apps/${name}/log`);
  return existsSync(path) ? readFileSync(path, 'utf8').replace(/^\S+ /gm, '') : '';
}

function keeperOf(pid: number | undefined): number | undefined {
  return childrenOf(pid).find((child) => linkOf(`/proc/${child}/exe`) === IOMUX);
}

/** What a link of a process leads to; nothing if the process has ended. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

async function until(what: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !what(); i++) await delay(10);
  assert.ok(what());
}

test('what an app writes goes to its log, and nothing of it to the caller', { skip }, () => {
  using scratch = new Scratch();
  keep(scratch, 'a');
  const script = 'echo one; echo two >&2; echo three >/dev/stdout; printf end; exit 0';
  const lines = podOf(scratch, { a: [shell(script)], b: [shell('echo other; exit 0')] });
  const { status, stdout, stderr } = scratch.run(lines);
  assert.deepEqual([status, stdout, stderr], [0, 'other\n', '']);
  const log = logOf(scratch).split('\n');
  assert.deepEqual(
    log.filter((line) => line.startsWith('stdout')),
    ['stdout F one', 'stdout F three', 'stdout P end'],
  );
  assert.ok(log.includes('stderr F two'));
  assert.deepEqual(readdirSync(scratch.path('apps/a/iomux')), []);
});

test('nothing is lost when what keeps the output is killed, and it is started once more', { skip }, async () => {
  using scratch = new Scratch();
  keep(scratch, 'a');
  const script =
    'i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); [ $((i%200)) -eq 0 ] && /bin/sleep 0.01; done; exit 0';
  const child = scratch.start(podOf(scratch, { a: [shell(script)] }));
  const killed = new Set<number>();
  for (let i = 0; i < 400 && child.exitCode === null; i++) {
    await delay(5);
    const keeper = existsSync(`/proc/${child.pid}/exe`) ? keeperOf(child.pid) : undefined;
    if (keeper === undefined || killed.has(keeper) || killed.size > 2) continue;
    if (logOf(scratch) === '') continue;
    process.kill(keeper, 'SIGKILL');
    killed.add(keeper);
  }
  assert.equal(await endOf(child), 0);
  assert.ok(killed.size > 0);
  assert.equal(logOf(scratch), Array.from({ length: 20_000 }, (_, i) => `stdout F ${i}\n`).join(''));
});

test('nothing is lost either when that happens after the end of the app', { skip }, async () => {
  using scratch = new Scratch();
  keep(scratch, 'a');
  const script = `echo first; until [ -e ${scratch.path('go')} ]; do /bin/sleep 0.01; done; echo last; exit 0`;
  const child = scratch.start(podOf(scratch, { a: [shell(script)] }));
  await until(() => logOf(scratch) !== '');
  const keeper = Number(keeperOf(child.pid));
  process.kill(keeper, 'SIGSTOP');
  scratch.write('go', '');
  await until(() => scratch.read('apps/a/status').includes('exited'));
  process.kill(keeper, 'SIGKILL');
  assert.equal(await endOf(child), 0);
  assert.equal(logOf(scratch), 'stdout F first\nstdout F last\n');
});

test('what a start says that fails is in the log as well', { skip }, async () => {
  using scratch = new Scratch();
  const pod = sandbox(scratch);
  keep(scratch, 'a');
  scratch.write('apps/a/status', '');
  scratch.plan(['nonsense'], 'apps/a/start');
  request(scratch, 'a', 'start');
  await until(() => scratch.read('apps/a/status').includes('exited'));
  pod.kill('SIGTERM');
  assert.equal(await endOf(pod), 0);
  assert.match(logOf(scratch), /^stderr F .*nonsense/m);
});

test('an app that is started anew goes on with its log', { skip }, () => {
  using scratch = new Scratch();
  keep(scratch, 'a');
  const manner = 'PID_POD RESTART_ON_FAILURE 2';
  assert.equal(scratch.run(podOf(scratch, { a: [shell('echo again; exit 4')] }, { manner })).status, 4);
  assert.equal(logOf(scratch), 'stdout F again\n'.repeat(3));
});

test('what keeps the output has its ends and no other, and no lock', { skip }, async () => {
  using scratch = new Scratch();
  keep(scratch, 'a');
  keep(scratch, 'b');
  const before = [`open 5 ${scratch.directory} O_RDONLY|O_DIRECTORY|O_CLOEXEC 0000`, 'flock 5 LOCK_EX|LOCK_NB'];
  const child = scratch.start(podOf(scratch, { a: [obedient('a')], b: [obedient('b')] }, { before }));
  await until(() => logOf(scratch, 'a') !== '' && logOf(scratch, 'b') !== '');
  const keeper = keeperOf(child.pid);
  const fds = readdirSync(`/proc/${keeper}/fd`).map((fd) => linkOf(`/proc/${keeper}/fd/${fd}`));
  assert.ok(!fds.includes(scratch.directory));
  const [first, app] = childrenOf(child.pid);
  for (const pid of [first, app]) {
    const names = readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
    assert.ok(names.every((name) => !name.includes('/log') && !name.includes('iomux')));
  }
  child.kill('SIGTERM');
  assert.equal(await endOf(child), 0);
  assert.equal(logOf(scratch, 'b'), 'stdout F b ready\nstdout F b stops\n');
});
