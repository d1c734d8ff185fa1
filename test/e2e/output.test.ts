// SPDX-License-Identifier: Apache-2.0
// The output of an app, from its own terminal through iomux to the terminal of somebody else and to the log, by what is installed.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { holdLock, makePod } from '@rkt/pod-fixtures';
import type { Pod } from '@rkt/pods';
import { bin, makeRkt, skipPods, startPod, type Rkt } from './rkt.ts';
import { makeUserRkt } from './user.ts';

const root = join(import.meta.dirname, '..', '..');
const iomux = join(root, 'dist', 'lib', 'rkt', 'iomux');

/** A pod that seems to run, with an app in a terminal. */
async function startApp(t: TestContext, rkt: Rkt, script: string): Promise<Pod> {
  const pod = makePod(rkt.dir, { phase: 'run' });
  const holder = await holdLock(pod.path);
  t.after(() => holder[Symbol.asyncDispose]());
  const directory = join(pod.path, 'apps', 'app');
  mkdirSync(join(directory, 'iomux'));
  const pty = join(pod.path, 'pty');
  assert.equal(spawnSync('cc', ['-o', pty, join(root, 'packages/stage1/test/pty.c')]).status, 0);
  const args = [script, iomux, '--tty=3', '--log=log', 'iomux'];
  const app = spawn(pty, args, { cwd: directory, stdio: ['ignore', 'ignore', 'inherit'] });
  t.after(() => app.kill('SIGKILL'));
  while (!existsSync(join(directory, 'iomux/attach'))) await delay(5);
  return pod;
}

suite('the output of an app', { skip: skipPods }, () => {
  test('somebody at a terminal sees it, types, detaches, and the terminal is as before', async (t) => {
    const rkt = makeRkt(t);
    const script =
      'stty -echo; trap "stty size" WINCH; while :; do read x && echo "got $x"; [ "$x" = bye ] && exit; done';
    const { uuid } = await startApp(t, rkt, script);
    const attach = (...steps: readonly unknown[]) => {
      const words = [
        join(import.meta.dirname, 'terminal.py'),
        JSON.stringify(steps),
        join(bin, 'rkt-attach'),
        `--dir=${rkt.dir}`,
        uuid,
      ];
      const { stdout, stderr } = spawnSync('python3', words, { encoding: 'utf8', timeout: 60_000 });
      assert.equal(stderr, '');
      return JSON.parse(stdout);
    };
    const first = attach(
      ['wait', '33 101'],
      ['type', 'one\n'],
      ['wait', 'got one'],
      ['size', 44, 155],
      ['wait', '44 155'],
      ['type', '\u0010\u0011'],
      ['end'],
    );
    assert.deepEqual([first.status, first.restored], [0, true]);
    const second = attach(['wait', '33 101'], ['type', 'bye\n'], ['wait', 'got bye'], ['end']);
    assert.deepEqual([second.status, second.restored], [0, true]);
    assert.equal(rkt.run('logs', uuid).stdout, '33 101\ngot one\n44 155\n33 101\ngot bye\n');
    assert.match(
      rkt.run('attach', uuid).stderr,
      /^iomux: cannot attach to ".*": nobody keeps the output of the app\n$/,
    );
  });
});

suite('the output of the apps of a pod', { skip: skipPods }, () => {
  test('logs of several apps, followed while one is started anew, and attached to', async (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const pod = await startPod(rkt, image, {
      options: [
        '--name=loop', '--stdout=log', '--restart=always', '--', 'sh', '-c', 'echo here $$; echo oops >&2; sleep 0.3', '---',
        image, '--name=reads', '--stdin=stream', '--', 'sh', '-c', 'while read x; do echo "got $x"; done; sleep 1000', '---',
        image, '--name=plain', '--', 'sleep', '1000',
      ],
      args: [],
    }); // prettier-ignore
    const follower = spawn(join(bin, 'rkt-logs'), [`--dir=${rkt.dir}`, pod.uuid, '-f'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    t.after(() => follower.kill('SIGKILL'));
    let followed = '';
    follower.stdout.on('data', (part: Buffer) => (followed += part.toString()));
    const typed = spawnSync(join(bin, 'rkt-attach'), [`--dir=${rkt.dir}`, pod.uuid, 'reads', '--mode=stdin'], {
      input: 'hello\n',
      timeout: 20_000,
    });
    assert.equal(typed.status, 0);
    for (let i = 0; i < 500 && (followed.match(/loop: here/g) ?? []).length < 3; i++) await delay(20);
    for (let i = 0; i < 500 && !/reads: got hello\n/.test(followed); i++) await delay(20);
    assert.match(followed, /loop: here \d+\n[^]*loop: here \d+\n[^]*loop: here/);
    assert.match(followed, /reads: got hello\n/);
    const { stdout, stderr } = rkt.run('logs', pod.uuid, 'loop');
    assert.match(stdout, /^here \d+\nhere \d+\n/);
    assert.match(stderr, /^oops\noops\n/);
    rkt.ok('stop', pod.uuid);
    await pod.ended;
    // Who follows ends with the pod, and what was kept stays with it.
    await new Promise((resolve) => {
      if (follower.exitCode === null) follower.on('exit', resolve);
      else resolve(undefined);
    });
    assert.equal(follower.exitCode, 0);
    assert.equal(rkt.ok('logs', pod.uuid, 'reads'), 'got hello');
    assert.equal(rkt.ok('logs', pod.uuid, 'plain'), '');
  });

  test('an app that was added has a log as well, also without root', async (t) => {
    for (const rkt of [makeRkt(t), makeUserRkt(t)]) {
      const file = join(rkt.dir, 'uuid');
      const pod = rkt.start('app', 'sandbox', `--uuid-file-save=${file}`);
      t.after(() => pod.kill('SIGKILL'));
      while (!existsSync(file) || readFileSync(file, 'utf8').length !== 36) await delay(10);
      const uuid = readFileSync(file, 'utf8');
      rkt.ok('status', '--wait-ready=30s', uuid);
      rkt.ok(
        'app',
        'add',
        uuid,
        '--insecure-options=image',
        rkt.image('busybox'),
        '--name=a',
        '--stdout=log',
        '--',
        'sh',
        '-c',
        'echo once more',
      );
      for (let i = 1; i <= 2; i++) {
        rkt.ok('app', 'start', uuid, '--app=a');
        for (let k = 0; k < 500 && rkt.ok('logs', uuid) !== 'once more\n'.repeat(i).trim(); k++) await delay(20);
        assert.equal(rkt.ok('logs', uuid), 'once more\n'.repeat(i).trim());
      }
      rkt.ok('app', 'rm', uuid, '--app=a');
      rkt.ok('stop', uuid);
    }
  });

  test('modes that exclude each other are refused', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const refused = (...options: readonly string[]) => {
      const { status, stderr } = rkt.run('prepare', '--insecure-options=image', image, ...options, '--', 'true');
      assert.equal(status, 64);
      return stderr;
    };
    assert.match(refused('--stdout=log', '--stderr=inherit'), /cannot use inherit for one of/);
    assert.match(refused('--stdout=log', '--interactive'), /cannot use --interactive with/);
    assert.match(refused('--stdout=tape'), /--stdout/);
    assert.match(refused('--stdout=log', '--log-max-files=0'), /--log-max-files=0: wanted 1 to 1000/);
  });
});
