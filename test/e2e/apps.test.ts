// SPDX-License-Identifier: Apache-2.0
// Several apps in one pod, and apps that come and go while it runs.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { suite, test, type TestContext } from 'node:test';
import { bin, makeRkt, skipPods, startPod, type Rkt } from './rkt.ts';
import { makeUserRkt, skipUsers } from './user.ts';

const IMAGE = '--insecure-options=image';

/** A running pod without apps. */
async function startSandbox(t: TestContext, rkt: Rkt, ...options: readonly string[]) {
  const file = join(rkt.dir, 'sandbox-uuid');
  const child = rkt.start('app', 'sandbox', ...options, `--uuid-file-save=${file}`);
  t.after(() => child.kill('SIGKILL'));
  for (let i = 0; i < 500 && !(existsSync(file) && readFileSync(file, 'utf8').length === 36); i++) await delay(10);
  const uuid = readFileSync(file, 'utf8');
  rkt.ok('status', '--wait-ready=30s', uuid);
  return { uuid, child, path: join(rkt.dir, 'pods', 'run', uuid) };
}

async function endOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode;
  return new Promise((resolve) => {
    child.on('exit', resolve);
  });
}

function stateOf(rkt: Rkt, uuid: string, app: string): string {
  return /^state=(.*)$/m.exec(rkt.ok('app', 'status', uuid, `--app=${app}`))?.[1] ?? '';
}

async function until(what: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !what(); i++) await delay(20);
  assert.ok(what());
}

suite('pods of several apps', { skip: skipPods }, () => {
  test('apps share network, host name, IPC and processes, and no files; each has its own limits', async (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const serve = 'mkdir -p /w; echo mine >/w/index.html; exec httpd -f -p 8080 -h /w';
    const probe = 'until wget -qO- 127.0.0.1:8080; do sleep 0.1; done; hostname; ls /w 2>&1; pidof httpd | wc -w';
    const { status, stdout } = rkt.run(
      'run', IMAGE, '--hostname=both', image, '--name=web', '--memory=32M', '--restart=always', '--', 'sh', '-c', serve, '---',
      image, '--name=probe', '--', 'sh', '-c', `${probe}; exit 7`,
    ); // prettier-ignore
    assert.equal(status, 7);
    assert.equal(stdout, 'mine\nboth\nls: /w: No such file or directory\n1\n');
  });

  test('nginx in front of a program in Python that counts in redis beside it', async (t) => {
    const rkt = makeRkt(t);
    const site = join(rkt.dir, 'site');
    mkdirSync(site);
    const nginx = `daemon off; error_log /dev/null; pid /tmp/nginx.pid; events {} http { access_log off;
      client_body_temp_path /tmp/a; proxy_temp_path /tmp/b; fastcgi_temp_path /tmp/c; uwsgi_temp_path /tmp/d; scgi_temp_path /tmp/e;
      server { listen 127.0.0.1:8000; location / { proxy_pass http://127.0.0.1:8001; } } }`;
    const program = `
import socket
server = socket.create_server(("127.0.0.1", 8001))
while True:
    asked, _ = server.accept()
    asked.recv(4096)
    with socket.create_connection(("127.0.0.1", 6379)) as redis:
        redis.sendall(b"INCR hits\\r\\n")
        hits = redis.recv(99).strip().lstrip(b":")
    asked.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\nhit " + hits + b"\\n")
    asked.close()
`;
    writeFileSync(join(site, 'nginx.conf'), nginx);
    writeFileSync(join(site, 'app.py'), program);
    const pod = await startPod(rkt, rkt.image('redis'), {
      options: [
        `--volume=site,kind=host,source=${site},readOnly=true`, '--name=redis', '--memory=128M',
        '--exec=redis-server', '--', '--port', '6379', '--bind', '127.0.0.1', '--save', '', '---',
        rkt.image('debian'), '--name=program', '--mount=volume=site,target=/site', '--memory=128M', '--restart=on-failure',
        '--', 'python3', '/site/app.py', '---',
        rkt.image('nginx'), '--name=front', '--mount=volume=site,target=/site', '--exec=nginx', '--cpu=500m', '--', '-c', '/site/nginx.conf', '---',
        rkt.image('busybox'), '--name=shell', '--', 'sleep', '1000',
      ],
      args: [],
    }); // prettier-ignore
    const get = (): string =>
      rkt.run('enter', '--app=shell', pod.uuid, 'wget', '-qO-', 'http://127.0.0.1:8000/').stdout;
    await until(() => get() !== '');
    const before = Number(/\d+/.exec(get())?.[0]);
    assert.equal(get(), `hit ${before + 1}\n`);
    // The program is killed and comes back by its policy; what it counted is with redis.
    rkt.run('enter', '--app=shell', pod.uuid, 'killall', '-9', 'python3');
    await until(() => get() !== '');
    assert.match(rkt.ok('status', '--format=json', pod.uuid), /"name":"program",[^}]*"restarts":1,/);
    assert.ok(Number(/\d+/.exec(get())?.[0]) > before + 1);
    rkt.ok('stop', pod.uuid);
    await pod.ended;
    assert.match(rkt.run('status', pod.uuid).stdout, /^app-redis=0$/m);
  });

  test('processes of its own, and those of the host, are what an app asks for', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const count = (pid: string): number =>
      Number(rkt.run('run', IMAGE, image, `--pid=${pid}`, '--', 'sh', '-c', 'ls -d /proc/[0-9]* | wc -l').stdout);
    assert.equal(count('private'), 3);
    assert.equal(count('pod'), 4);
    assert.ok(count('host') > 4);
    const { status, stderr } = rkt.run('run', IMAGE, image, '--restart=sometimes', '--', 'true');
    assert.equal(status, 64);
    assert.match(stderr, /^rkt-prepare: cannot use --restart=sometimes: wanted no, on-failure/);
  });

  test('a pod of as many apps as there may be', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const apps = Array.from({ length: 63 }, (_, i) => [image, `--name=a${i}`, '--', 'true', '---']).flat();
    const { status, stderr } = rkt.run('run', IMAGE, ...apps);
    assert.deepEqual([status, stderr], [0, '']);
    const refused = rkt.run('run', IMAGE, ...apps, image, '--name=one-more', '--', 'true');
    assert.equal(refused.status, 64);
    assert.equal(refused.stderr, 'rkt-prepare: cannot put 64 apps into one pod: wanted at most 63\n');
  });
});

for (const [who, { make, skip }] of Object.entries({
  root: { make: makeRkt, skip: skipPods },
  'a user': { make: makeUserRkt, skip: skipUsers },
})) {
  suite(`apps that come and go, as ${who}`, { skip }, () => {
    test('sandbox, add, start, exec, stop, start again, rm, stop', async (t) => {
      const rkt = make(t);
      const image = rkt.image('busybox');
      const { uuid, child, path } = await startSandbox(t, rkt);
      assert.equal(rkt.ok('app', 'list', uuid, '--no-legend'), '');
      rkt.ok('app', 'add', uuid, IMAGE, image, '--name=web', '--', 'sh', '-c', 'echo $$ >>/starts; exec sleep 1000');
      assert.equal(rkt.ok('app', 'list', uuid), 'NAME\tSTATE\nweb\tcreated');
      rkt.ok('app', 'start', uuid, '--app=web');
      rkt.ok('app', 'start', uuid, '--app=web');
      assert.equal(stateOf(rkt, uuid, 'web'), 'running');
      assert.equal(rkt.ok('app', 'exec', '--app=web', uuid, 'cat', '/starts').split('\n').length, 1);
      rkt.ok('app', 'stop', uuid, '--app=web', '--timeout=0');
      assert.match(rkt.ok('app', 'status', uuid, '--app=web'), /^state=exited$[^]*^exit_code=137$/m);
      const again = rkt.run('app', 'stop', uuid, '--app=web');
      assert.deepEqual([again.status, again.stderr], [1, 'rkt-app-control: app "web" is not running\n']);
      rkt.ok('app', 'start', uuid, '--app=web');
      // It finds its files again.
      await until(
        () => rkt.run('app', 'exec', '--app=web', uuid, 'cat', '/starts').stdout.trim().split('\n').length === 2,
      );
      rkt.ok('app', 'rm', uuid, '--app=web', '--timeout=0');
      assert.equal(rkt.ok('app', 'list', uuid, '--no-legend'), '');
      assert.deepEqual(readdirSync(join(path, 'apps')), []);
      rkt.ok('stop', uuid);
      assert.equal(await endOf(child), 0);
    });

    test('an app that cannot be executed is told, and the pod goes on', async (t) => {
      const rkt = make(t);
      const image = rkt.image('busybox');
      const { uuid } = await startSandbox(t, rkt);
      rkt.ok('app', 'add', uuid, IMAGE, image, '--name=bad', '--exec=/none');
      const { status, stderr } = rkt.run('app', 'start', uuid, '--app=bad');
      assert.equal(status, 125);
      assert.match(
        stderr,
        /^rkt-app-control: cannot start app "bad": .*cannot execute "\/none": no such file or directory\n$/,
      );
      rkt.ok('app', 'add', uuid, IMAGE, image, '--name=good', '--', 'sleep', '1000');
      rkt.ok('app', 'start', uuid, '--app=good');
      assert.equal(stateOf(rkt, uuid, 'good'), 'running');
    });
  });
}

suite('apps that come and go', { skip: skipPods }, () => {
  test('two apps of a pod share what it has, with the limits of each, and are listed with it', async (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const { uuid } = await startSandbox(t, rkt, '--hostname=shared');
    rkt.ok(
      'app',
      'add',
      uuid,
      IMAGE,
      image,
      '--name=web',
      '--memory=16M',
      '--',
      'httpd',
      '-f',
      '-p',
      '8080',
      '-h',
      '/etc',
    );
    rkt.ok('app', 'start', uuid, '--app=web');
    rkt.ok('app', 'add', uuid, IMAGE, image, '--name=shell', '--', 'sleep', '1000');
    rkt.ok('app', 'start', uuid, '--app=shell');
    const enter = (...command: readonly string[]) => rkt.ok('app', 'exec', '--app=shell', uuid, ...command);
    assert.equal(enter('hostname'), 'shared');
    await until(
      () => rkt.run('app', 'exec', '--app=shell', uuid, 'wget', '-qO-', '127.0.0.1:8080/hostname').status === 0,
    );
    assert.match(enter('ps'), /httpd/);
    const rows = rkt.ok('list', '--no-legend').split('\n');
    assert.deepEqual(
      rows.map((row) => row.split(/\t+/)[1]),
      ['web', 'shell'],
    );
    // The limit is gone with the app.
    const limit = (): boolean => existsSync(`/sys/fs/cgroup/memory/rkt/${uuid}/app-web/memory.limit_in_bytes`);
    if (existsSync('/sys/fs/cgroup/memory')) assert.ok(limit());
    rkt.ok('app', 'rm', uuid, '--app=web', '--timeout=0');
    assert.ok(!limit());
  });

  test('an app is started anew by its policy, also when it was added later, and not when it is stopped', async (t) => {
    const rkt = makeRkt(t);
    const { uuid } = await startSandbox(t, rkt);
    rkt.ok(
      'app',
      'add',
      uuid,
      IMAGE,
      rkt.image('busybox'),
      '--name=a',
      '--restart=always',
      '--',
      'sh',
      '-c',
      'sleep 0.1; exit 1',
    );
    rkt.ok('app', 'start', uuid, '--app=a');
    const restarts = (): number => Number(/^restarts=(\d+)$/m.exec(rkt.ok('app', 'status', uuid, '--app=a'))?.[1]);
    await until(() => restarts() >= 2);
    rkt.ok('app', 'stop', uuid, '--app=a');
    const stopped = restarts();
    await delay(1500);
    assert.equal(restarts(), stopped);
  });

  test('what an app leaves behind ends when it is stopped or removed, and nothing of another app', async (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const { uuid } = await startSandbox(t, rkt);
    const leaves = 'trap "" TERM; (setsid sleep 4321 &); (setsid sleep 4322 &); exec sleep 1000';
    rkt.ok('app', 'add', uuid, IMAGE, image, '--name=a', '--stdout=log', '--', 'sh', '-c', leaves);
    rkt.ok('app', 'add', uuid, IMAGE, image, '--name=b', '--', 'sh', '-c', '(setsid sleep 4323 &); exec sleep 1000');
    for (const app of ['a', 'b']) rkt.ok('app', 'start', uuid, `--app=${app}`);
    const processes = (): string => rkt.ok('app', 'exec', '--app=b', uuid, 'ps');
    const left = (): string[] => processes().match(/432\d/g)?.toSorted() ?? [];
    await until(() => left().length === 3);
    rkt.ok('app', 'stop', uuid, '--app=a', '--timeout=0');
    assert.deepEqual(left(), ['4323']);
    rkt.ok('app', 'start', uuid, '--app=a');
    await until(() => left().length === 3);
    rkt.ok('app', 'rm', uuid, '--app=a', '--timeout=0');
    assert.deepEqual(left(), ['4323']);
  });

  test('every call can be killed at any time, and be repeated', async (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const { uuid, path } = await startSandbox(t, rkt);
    const killedAfter = async (ms: number, ...args: readonly string[]): Promise<void> => {
      const child = spawn(join(bin, 'rkt-app'), [`--dir=${rkt.dir}`, ...args], { stdio: 'ignore', detached: true });
      await delay(ms);
      try {
        process.kill(-Number(child.pid), 'SIGKILL');
      } catch (error) {
        assert.match(String(error), /ESRCH/);
      }
      await endOf(child);
    };
    const add = ['add', uuid, IMAGE, image, '--name=a', '--', 'sleep', '1000'];
    for (let round = 0; round < 12; round++) {
      await killedAfter(10 + round * 12, ...add);
      if (rkt.ok('app', 'list', uuid, '--no-legend') === '') rkt.ok('app', ...add);
      await killedAfter(5 + round * 8, 'start', uuid, '--app=a');
      rkt.ok('app', 'start', uuid, '--app=a');
      await killedAfter(5 + round * 8, 'rm', uuid, '--app=a', '--timeout=0');
      const { status, stderr } = rkt.run('app', 'rm', uuid, '--app=a', '--timeout=0');
      assert.ok(status === 0 || (status === 66 && stderr.includes('nonexistent app')), stderr);
      assert.equal(rkt.ok('app', 'list', uuid, '--no-legend'), '');
      assert.deepEqual(
        readdirSync(join(path, 'apps')).filter((name) => !name.startsWith('.')),
        [],
      );
    }
  });

  test('what cannot be done is refused in one line', async (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const { uuid, child } = await startSandbox(t, rkt);
    const refused = (status: number, message: RegExp, ...args: readonly string[]): void => {
      const result = rkt.run('app', ...args);
      assert.equal(result.status, status, args.join(' '));
      assert.match(result.stderr, message);
      assert.equal(result.stderr.trim().split('\n').length, 1);
    };
    rkt.ok('app', 'add', uuid, IMAGE, image, '--name=a', '--', 'true');
    refused(64, /multiple apps with name "a": use --name/, 'add', uuid, IMAGE, image, '--name=a');
    refused(64, /must give only one app/, 'add', uuid, IMAGE, image, image);
    refused(66, /cannot find image/, 'add', uuid, IMAGE, 'docker://registry.example.com/none');
    refused(66, /nonexistent app "b": the pod has a/, 'start', uuid, '--app=b');
    refused(66, /nonexistent app "\.\.\/\.\.": the pod has a/, 'start', uuid, '--app=../..');
    refused(64, /"\.\.\/\.\.": it is no name of an app/, 'rm', uuid, '--app=../..');
    refused(64, /must provide the app to start/, 'start', uuid);
    refused(64, /unknown verb "dance"/, 'dance', uuid);
    refused(64, /missing verb/);
    refused(64, /must provide the pod UUID and an image/, 'add');
    refused(66, /cannot find pod "0000"/, 'start', '0000', '--app=a');
    const fixed = await startPod(rkt, image, { args: ['sleep', '1000'] });
    refused(1, /it is an immutable pod/, 'add', fixed.uuid, IMAGE, image, '--name=more');
    refused(1, /it is an immutable pod/, 'stop', fixed.uuid, '--app=busybox');
    refused(1, /it is an immutable pod/, 'rm', fixed.uuid, '--app=busybox');
    rkt.ok('stop', uuid);
    await endOf(child);
    refused(1, /isn't currently running/, 'start', uuid, '--app=a');
    refused(1, /isn't currently running/, 'add', uuid, IMAGE, image, '--name=late');
    rkt.ok('app', 'rm', uuid, '--app=a');
  });
});
