// SPDX-License-Identifier: Apache-2.0
// Programs that people run, unchanged, from Debian's packages.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { images, makeRkt, runPod, skipPods, startPod, type Rkt } from './rkt.ts';

/** Sends a request to a port of loopback and returns all that comes back; tries again while nobody listens there. */
async function ask(port: number, request: string): Promise<string> {
  const until = Date.now() + 30_000;
  for (;;) {
    try {
      return await askOnce(port, request);
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

function askOnce(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const parts: Buffer[] = [];
    socket.on('data', (part: Buffer) => parts.push(part));
    socket.on('end', () => resolve(Buffer.concat(parts).toString()));
    socket.on('error', reject);
    socket.write(request);
  });
}

function withImage(name: string): { skip: string | false } {
  return { skip: existsSync(join(images, name)) ? false : `not built: ${name}` };
}

/** Starts a server in the network of the host, asks it, stops it by the stop signal of its image; returns its status. */
async function serve(
  rkt: Rkt,
  image: string,
  {
    port,
    request,
    answer,
    options = [],
  }: { port: number; request: string; answer: RegExp; options?: readonly string[] },
) {
  const pod = await startPod(rkt, image, { options: ['--net=host', ...options], args: [] });
  assert.match(await ask(port, request), answer);
  rkt.ok('stop', pod.uuid);
  const status = await pod.ended;
  await assert.rejects(askOnce(port, request), { code: 'ECONNREFUSED' });
  return { uuid: pod.uuid, status };
}

suite('servers in pods', { skip: skipPods }, () => {
  test('nginx answers, and ends in order by SIGQUIT', withImage('nginx'), async (t) => {
    const rkt = makeRkt(t);
    const { uuid, status } = await serve(rkt, rkt.image('nginx'), {
      options: [],
      port: 18_080,
      request: 'GET / HTTP/1.0\r\nHost: pod\r\n\r\n',
      answer: /^HTTP\/1\.1 200 OK\r\n[\s\S]*nginx in a pod\n$/,
    });
    assert.equal(status, 0);
    assert.match(rkt.run('status', uuid).stdout, /^app-nginx=0$/m);
  });

  test('redis answers as its own user, and ends in order by SIGTERM', withImage('redis'), async (t) => {
    const rkt = makeRkt(t);
    const { uuid, status } = await serve(rkt, rkt.image('redis'), {
      port: 16_379,
      request: 'SET k v\r\nGET k\r\nBGREWRITEAOF\r\nQUIT\r\n',
      answer: /^\+OK\r\n\$1\r\nv\r\n\+Background append only file rewriting started\r\n\+OK\r\n$/,
    });
    assert.equal(status, 0);
    assert.match(rkt.run('status', uuid).stdout, /^app-redis=0$/m);
  });

  test('nginx and redis are one pod, and end together', { skip: withImage('nginx').skip || withImage('redis').skip }, async (t) => {
    const rkt = makeRkt(t);
    const redis = rkt.image('redis');
    const pod = await startPod(rkt, rkt.image('nginx'), { options: ['--net=host', redis], args: [] });
    assert.match(await ask(18_080, 'GET / HTTP/1.0\r\n\r\n'), /nginx in a pod/);
    assert.match(await ask(16_379, 'QUIT\r\n'), /^\+OK/);
    rkt.ok('stop', pod.uuid);
    assert.equal(await pod.ended, 0);
    const { stdout } = rkt.run('status', pod.uuid);
    assert.match(stdout, /^app-nginx=0$/m);
    assert.match(stdout, /^app-redis=0$/m);
  }); // prettier-ignore
});

suite('programs of Debian in a pod', { skip: skipPods || withImage('debian').skip }, () => {
  const programs: readonly (readonly [string, RegExp])[] = [
    ['apt-get --version', /^apt \d/],
    ['dpkg -l', /^ii {2}bash /m],
    ['bash -c \'a=(one two); echo "${a[1]}" <(true)\'', /^two \/dev\/fd\/\d+$/m],
    [
      'python3 -c "import os, subprocess; print(subprocess.check_output([\'echo\', str(os.getuid())]))"',
      /^b'\d+\\n'$/m,
    ],
    ['perl -le "print crypt(1, 22)"', /^22/],
    ['mktemp -d | grep -c ^/tmp/', /^1$/m],
    ['tar -c /etc/passwd 2>/dev/null | tar -t', /^etc\/passwd$/m],
  ];
  const check = (t: TestContext, options: readonly string[]): void => {
    const rkt = makeRkt(t);
    const image = rkt.image('debian');
    const script = programs.map(([command], index) => `echo "== ${index}"; ${command}; echo "status $?"`).join('\n');
    const { status, stdout, stderr } = runPod(rkt, image, { options, args: ['sh', '-c', script] });
    assert.deepEqual([status, stderr], [0, '']);
    const outputs = stdout.split(/^== \d+\n/m).slice(1);
    for (const [index, [command, wanted]] of programs.entries()) {
      assert.match(outputs[index] ?? '', wanted, command);
      assert.match(outputs[index] ?? '', /^status 0\n$/m, command);
    }
  };
  test('as root', (t) => check(t, []));
  test('as an ordinary user', (t) => check(t, ['--user=1000', '--group=1000']));

  test('a package is installed as root, in the pod only', (t) => {
    const rkt = makeRkt(t);
    const script = [
      'mkdir -p /tmp/p/DEBIAN /tmp/p/opt && cd /tmp',
      'printf "Package: made\\nVersion: 1\\nArchitecture: all\\nMaintainer: nobody <n@example.com>\\nDescription: made\\n" >p/DEBIAN/control',
      'echo made >p/opt/made && chown 33:33 p/opt/made',
      'dpkg-deb -b p made.deb >/dev/null && dpkg -i made.deb >/dev/null && stat -c "%n %u" /opt/made && dpkg -s made | grep ^Status',
    ].join('\n');
    const image = rkt.image('debian');
    const { status, stdout, stderr } = runPod(rkt, image, { args: ['bash', '-ec', script] });
    assert.equal(status, 0, stderr);
    assert.equal(stdout, '/opt/made 33\nStatus: install ok installed\n');
    assert.notEqual(runPod(rkt, image, { args: ['test', '-e', '/opt/made'] }).status, 0);
  });
});
