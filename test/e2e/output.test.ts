// SPDX-License-Identifier: Apache-2.0
// The output of an app, from its own terminal through iomux to the terminal of somebody else and to the log, by what is installed.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { holdLock, makePod } from '@rkt/pod-fixtures';
import type { Pod } from '@rkt/pods';
import { bin, makeRkt, skipPods, type Rkt } from './rkt.ts';

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
