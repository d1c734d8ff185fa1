// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'node:test';
import { obedient, request, sandbox, statusOf } from './pod.ts';
import { endOf, linesOf, nextLine, OWN_PROC, Scratch, shell, skip } from './stage1.ts';

function add(scratch: Scratch, name: string, lines: readonly string[]): void {
  const manner = name === 'always' ? 'PID_POD RESTART_ALWAYS 0' : 'PID_POD RESTART_NO 0';
  scratch.write(`apps/${name}/status`, '');
  scratch.plan([...OWN_PROC, ...lines], `apps/${name}/plan`);
  scratch.plan([`app ${name} plan - SIGTERM ${manner}`], `apps/${name}/start`);
}

async function until(scratch: Scratch, name: string, wanted: string): Promise<void> {
  for (let i = 0; i < 500 && !statusOf(scratch, name).endsWith(wanted); i++) await delay(10);
  assert.ok(statusOf(scratch, name).endsWith(wanted), statusOf(scratch, name));
}

const STARTED = 'started PID TIME\n';

test('apps come, end, come again and go while the pod runs', { skip }, async () => {
  using scratch = new Scratch();
  const pod = sandbox(scratch);
  const lines = linesOf(pod);
  await until(scratch, 'status', 'ready TIME\n');
  add(scratch, 'a', [obedient('a')]);
  add(scratch, 'b', [shell('echo b; exit 7')]);
  request(scratch, 'a', 'start');
  assert.equal(await nextLine(lines), 'a ready');
  request(scratch, 'b', 'start');
  assert.equal(await nextLine(lines), 'b');
  await until(scratch, 'apps/b/status', `${STARTED}exited 7 TIME\n`);
  request(scratch, 'b', 'start');
  assert.equal(await nextLine(lines), 'b');
  request(scratch, 'a', 'stop 10000');
  assert.equal(await nextLine(lines), 'a stops');
  await until(scratch, 'apps/a/status', `${STARTED}exited 0 TIME\n`);
  assert.ok(!existsSync(scratch.path('apps/a/request')) && !existsSync(scratch.path('apps/a/.request')));
  rmSync(scratch.path('apps/a'), { recursive: true });
  add(scratch, 'a', [shell('echo other; exec sleep 1000')]);
  request(scratch, 'a', 'start');
  assert.equal(await nextLine(lines), 'other');
  request(scratch, 'a', 'stop 0');
  await until(scratch, 'apps/a/status', `${STARTED}killed 9 TIME\n`);
  pod.kill('SIGTERM');
  assert.equal(await endOf(pod), 0);
});

test('a second start of a running app is nothing, and nor is a stop of one that has ended', { skip }, async () => {
  using scratch = new Scratch();
  const pod = sandbox(scratch);
  const lines = linesOf(pod);
  add(scratch, 'a', [obedient('a')]);
  request(scratch, 'a', 'start');
  assert.equal(await nextLine(lines), 'a ready');
  request(scratch, 'a', 'start');
  request(scratch, 'a', 'stop 10000');
  assert.equal(await nextLine(lines), 'a stops');
  await until(scratch, 'apps/a/status', 'exited 0 TIME\n');
  request(scratch, 'a', 'stop 10000');
  request(scratch, 'nobody', 'stop 10000');
  request(scratch, 'a', 'dance');
  pod.kill('SIGTERM');
  assert.equal(await endOf(pod), 0);
  assert.equal(statusOf(scratch, 'apps/a/status'), `${STARTED}exited 0 TIME\n`);
});

test('an app that is told to stop is not started anew', { skip }, async () => {
  using scratch = new Scratch();
  const pod = sandbox(scratch);
  const lines = linesOf(pod);
  add(scratch, 'always', [obedient('a')]);
  request(scratch, 'always', 'start');
  assert.equal(await nextLine(lines), 'a ready');
  request(scratch, 'always', 'stop 10000');
  assert.equal(await nextLine(lines), 'a stops');
  await until(scratch, 'apps/always/status', 'exited 0 TIME\n');
  await delay(200);
  pod.kill('SIGTERM');
  assert.equal(await endOf(pod), 0);
  assert.equal(statusOf(scratch, 'apps/always/status'), `${STARTED}exited 0 TIME\n`);
});

test('an app whose plan is missing or fails does not harm the pod', { skip }, async () => {
  using scratch = new Scratch();
  const pod = sandbox(scratch);
  const lines = linesOf(pod);
  add(scratch, 'a', ['exec none none']);
  request(scratch, 'a', 'start');
  await until(scratch, 'apps/a/status', 'exited 127 TIME\n');
  rmSync(scratch.path('apps/a/plan'));
  request(scratch, 'a', 'start');
  await until(scratch, 'apps/a/status', 'exited 127 TIME\nexited 125 TIME\n');
  add(scratch, 'b', [shell('echo b')]);
  request(scratch, 'b', 'start');
  assert.equal(await nextLine(lines), 'b');
  pod.kill('SIGTERM');
  assert.equal(await endOf(pod), 0);
});

test('all apps stop with the pod, those that were added last first', { skip }, async () => {
  using scratch = new Scratch();
  const pod = sandbox(scratch);
  const lines = linesOf(pod);
  for (const name of ['a', 'b', 'c']) {
    add(scratch, name, [obedient(name)]);
    request(scratch, name, 'start');
    assert.equal(await nextLine(lines), `${name} ready`);
  }
  pod.kill('SIGTERM');
  for (const name of ['c', 'b', 'a']) assert.equal(await nextLine(lines), `${name} stops`);
  assert.equal(await endOf(pod), 0);
});
