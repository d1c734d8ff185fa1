// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { libraryFile } from '@rkt/files';
import { holdLock, makePod, runBin, Running, startBin, TemporaryDirectory } from '@rkt/pod-fixtures';
import type { Pod } from '@rkt/pods';

const IOMUX = libraryFile('iomux');
const skip = existsSync(IOMUX) ? false : 'iomux is not built';

/** An app that writes when it is told to, by a file, and its iomux. */
async function startApp(pod: Pod, app: string, script: string): Promise<Running> {
  const directory = join(pod.path, 'apps', app);
  mkdirSync(join(directory, 'iomux'), { recursive: true });
  const pipes = `mkfifo i o; exec 3<>i; (exec 3>&-; ${script}) <i >o & exec ${IOMUX} --stdin=3 --stdout=0 iomux <o`;
  const running = new Running(spawn('sh', ['-c', pipes], { cwd: directory, stdio: 'inherit' }));
  while (!existsSync(join(directory, 'iomux/attach'))) await delay(5);
  return running;
}

test('rkt-attach shows what the app of a running pod writes, to its end', { skip, timeout: 60_000 }, async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run', apps: ['a', 'b'] });
  await using holder = await holdLock(pod.path);
  await using app = await startApp(pod, 'b', 'while ! [ -e go ]; do sleep 0.02; done; seq 1 2000');
  assert.equal(holder.child.exitCode, null);
  assert.equal(runBin('rkt-attach', [`--dir=${dir.path}`, '--mode=list', pod.uuid, 'b']).stdout, 'stdin\nstdout\n');
  const fds = () =>
    spawnSync('ls', ['-l', `/proc/${app.child.pid}/fd`])
      .stdout.toString()
      .split('socket:').length;
  const before = fds();
  await using attached = startBin('rkt-attach', [`--dir=${dir.path}`, '--app=b', '--mode=stdout', pod.uuid]);
  const output = attached.child.stdout?.setEncoding('utf8').toArray();
  while (fds() === before) await delay(5);
  writeFileSync(join(pod.path, 'apps/b/go'), '');
  assert.equal((await output)?.join(''), spawnSync('seq', ['1', '2000']).stdout.toString());
  assert.deepEqual([await attached.ended(), await app.ended()], [0, 0]);
});

test('rkt-attach says why it cannot', { skip, timeout: 60_000 }, async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run', apps: ['a', 'b'] });
  const attach = (...words: readonly string[]) => runBin('rkt-attach', [`--dir=${dir.path}`, ...words]);
  const refused = ({ status, stdout, stderr }: ReturnType<typeof attach>) => {
    assert.equal(stdout, '');
    assert.match(stderr, /^(rkt-attach|iomux): [^\n]+\n$/);
    return status;
  };
  assert.equal(refused(attach()), 64);
  assert.equal(refused(attach(pod.uuid)), 64, 'two apps');
  assert.equal(refused(attach(pod.uuid, 'a', 'b')), 64);
  assert.equal(refused(attach(pod.uuid, 'a', '--app=a')), 64);
  for (const mode of ['', 'all', 'stdin,tty', 'stdin,', 'list,stdout', 'tty-in,stdout'])
    assert.equal(refused(attach(`--mode=${mode}`, pod.uuid, 'a')), 64, mode);
  for (const keys of ['ctrl-', 'ab', 'a,', 'ctrl-1', 'a,b,c,d,e,f,g,h,i', 'é'])
    assert.equal(refused(attach(`--detach-keys=${keys}`, pod.uuid, 'a')), 64, keys);
  assert.equal(refused(attach('0000', 'a')), 66);
  assert.equal(refused(attach(pod.uuid, 'c')), 66);
  assert.match(attach(pod.uuid, 'a').stderr, /^rkt-attach: pod ".*" isn't currently running\n$/);
  await using holder = await holdLock(pod.path);
  assert.equal(holder.child.exitCode, null);
  assert.equal(refused(attach(pod.uuid, 'a')), 66);
  mkdirSync(join(pod.path, 'apps/a/iomux'));
  assert.equal(refused(attach(pod.uuid, 'a')), 69);
  await using app = await startApp(pod, 'a', 'exec sleep 60');
  assert.equal(app.child.exitCode, null);
  assert.equal(refused(attach('--mode=tty', pod.uuid, 'a')), 1);
});
