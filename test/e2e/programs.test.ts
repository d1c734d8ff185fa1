// SPDX-License-Identifier: Apache-2.0
// Real images from a real registry: fetched by an ordinary user, prepared and run by root, doing what they are for.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chownSync, copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test, type TestContext } from 'node:test';
import { startRegistry, type Registry } from '../registry.ts';
import { bin, images, makeRkt, runPod, skipPods, startPod } from './rkt.ts';

const NOBODY = 65_534;

let registry: Registry;

/** An ordinary user's home, with what it takes to log in at the registry. */
function makeHome(t: TestContext): string {
  const home = mkdtempSync(join(tmpdir(), 'rkt-home-'));
  t.after(() => {
    rmSync(home, { recursive: true, force: true });
  });
  for (const host of [registry.host, registry.tokenHost ?? registry.host]) {
    const certificates = join(home, '.config', 'containers', 'certs.d', host);
    mkdirSync(certificates, { recursive: true });
    if (registry.ca !== undefined) copyFileSync(registry.ca, join(certificates, 'ca.crt'));
  }
  mkdirSync(join(home, '.docker'));
  copyFileSync(registry.authFile, join(home, '.docker', 'config.json'));
  for (const path of ['', '.docker', '.docker/config.json']) chownSync(join(home, path), NOBODY, NOBODY);
  return home;
}

/** Fetches into the user's own store; returns the store and the image's whole id. */
function fetchAsUser(home: string, name: string): { store: string; id: string } {
  const identity = [`--reuid=${String(NOBODY)}`, `--regid=${String(NOBODY)}`, '--clear-groups', '--inh-caps=-all'];
  const command = [join(bin, 'rkt-fetch'), '--full', '--quiet', `docker://${registry.host}/${name}`];
  const { status, stdout, stderr } = spawnSync('setpriv', [...identity, ...command], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: home },
    cwd: '/',
    timeout: 120_000,
  });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^sha256:[0-9a-f]{64}\n$/);
  return { store: join(home, '.local', 'share', 'rkt', 'store'), id: stdout.trim() };
}

/** Sends the text to a port of the loopback and returns the answer, trying until somebody listens. */
async function ask(port: number, text: string): Promise<string> {
  for (let attempts = 1; ; attempts++) {
    const answer = await new Promise<string | undefined>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.end(text));
      let received = '';
      socket.setEncoding('utf8').on('data', (data: string) => (received += data));
      socket.on('error', () => {
        resolve(undefined);
      });
      socket.on('end', () => {
        resolve(received);
      });
    });
    if (answer !== undefined) return answer;
    assert.ok(attempts < 200, `nobody listens on port ${String(port)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

suite('images from a registry with tokens and TLS', { skip: skipPods }, () => {
  before(async () => {
    registry = await startRegistry({ auth: 'token', tls: true });
    for (const name of ['busybox', 'debian', 'nginx', 'redis'])
      await registry.push(`oci:${join(images, name)}:latest`, `${name}:1`);
  });
  after(() => registry.stop());

  test('fetch refuses a stranger and an unknown image, each with a line and a status', (t) => {
    const home = makeHome(t);
    const fetch = (...args: readonly string[]) =>
      spawnSync(join(bin, 'rkt-fetch'), [`--dir=${home}/rkt`, ...args], {
        encoding: 'utf8',
        env: { PATH: process.env['PATH'], HOME: home },
      });
    const unknown = fetch(`docker://${registry.host}/nosuch:1`);
    assert.deepEqual([unknown.status, unknown.stderr.trimEnd().split('\n').length], [66, 1], unknown.stderr);
    rmSync(join(home, '.docker'), { recursive: true });
    const stranger = fetch(`docker://${registry.host}/busybox:1`);
    assert.deepEqual([stranger.status, stranger.stderr.trimEnd().split('\n').length], [77, 1], stranger.stderr);
    rmSync(join(home, '.config'), { recursive: true });
    const distrusted = fetch(`docker://${registry.host}/busybox:1`);
    assert.deepEqual([distrusted.status, distrusted.stderr.trimEnd().split('\n').length], [69, 1], distrusted.stderr);
  });

  test('debian runs apt-get, bash, python3, git and curl', (t) => {
    const rkt = makeRkt(t);
    const { store, id } = fetchAsUser(makeHome(t), 'debian:1');
    const run = (...args: readonly string[]) => runPod(rkt, id, { options: [`--store=${store}`], args });
    assert.match(run('apt-get', '--version').stdout, /^apt \d/);
    assert.equal(run('bash', '-c', 'echo "$((6 * 7))" <(true)').stdout.split(' ')[0], '42');
    assert.equal(run('python3', '-c', 'import sys; print(sys.argv[1:])', 'a b').stdout, "['a b']\n");
    assert.match(run('bash', '-c', 'cd /tmp && git init -q x && cd x && git status').stdout, /No commits yet/);
    assert.match(run('curl', '--version').stdout, /^curl \d/);
    assert.equal(run('su', '-s', '/bin/sh', 'nobody', '-c', 'id -un').stdout, 'nobody\n');
    assert.match(run('dpkg', '-s', 'bash').stdout, /^Status: install ok installed$/m);
  });

  test('nginx answers with --net=host and ends on its stop signal', async (t) => {
    const rkt = makeRkt(t);
    const { store, id } = fetchAsUser(makeHome(t), 'nginx:1');
    const pod = await startPod(rkt, id, { options: [`--store=${store}`, '--net=host'], args: [] });
    assert.match(await ask(18_080, 'GET / HTTP/1.0\r\n\r\n'), /nginx in a pod/);
    rkt.ok('stop', pod.uuid);
    assert.equal(await pod.ended, 0);
  });

  test('redis answers with --net=host as its own user and keeps its data in a volume', async (t) => {
    const rkt = makeRkt(t);
    const { store, id } = fetchAsUser(makeHome(t), 'redis:1');
    const pod = await startPod(rkt, id, { options: [`--store=${store}`, '--net=host'], args: [] });
    assert.match(await ask(16_379, 'SET colour blue\r\nGET colour\r\nSAVE\r\nQUIT\r\n'), /OK\r\n\$4\r\nblue\r\n\+OK/);
    assert.match(rkt.ok('enter', pod.uuid, 'sh', '-c', 'id -un; ls /data'), /^redis\ndump\.rdb$/);
    rkt.ok('stop', pod.uuid);
    assert.equal(await pod.ended, 0);
    assert.match(rkt.run('status', pod.uuid).stdout, /^app-redis=0$/m);
  });
});
