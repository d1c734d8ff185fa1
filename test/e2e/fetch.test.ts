// SPDX-License-Identifier: Apache-2.0
// The main job: an ordinary user fetches from a registry that asks for a token, root prepares and runs what was fetched.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { startRegistry } from '../registry.ts';
import { bin, images, makeRkt, skipPods, type Result } from './rkt.ts';

const NOBODY = 65534;

/** An ordinary user with a home directory and credentials. */
function makeUser(t: TestContext, authFile: string) {
  const home = mkdtempSync(join(tmpdir(), 'rkt-home-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const auth = join(home, 'auth.json');
  copyFileSync(authFile, auth);
  for (const path of [home, auth]) chownSync(path, NOBODY, NOBODY);
  chmodSync(auth, 0o600);
  const run = (variables: Readonly<Record<string, string>>, ...words: readonly string[]): Promise<Result> => {
    const as = [
      '--reuid',
      String(NOBODY),
      '--regid',
      String(NOBODY),
      '--clear-groups',
      '--no-new-privs',
      '--bounding-set=-all',
    ];
    const [command = '', ...args] = words;
    return new Promise((resolve) => {
      const env = { PATH: process.env['PATH'], HOME: home, ...variables };
      execFile('setpriv', [...as, join(bin, command), ...args], { env, encoding: 'utf8' }, (error, stdout, stderr) => {
        const status = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
        resolve({ status, stdout, stderr });
      });
    });
  };
  return { home, auth, store: join(home, '.local', 'share', 'rkt', 'store'), run };
}

suite('fetch as an ordinary user, run as root', { skip: skipPods }, () => {
  test('a Debian image behind a token and TLS runs apt-get, bash and python3', async (t) => {
    await using registry = await startRegistry({ auth: 'token', tls: true });
    const reference = await registry.push(`oci:${join(images, 'debian')}:latest`, 'debian:12');
    const user = makeUser(t, registry.authFile);
    const trust = { NODE_EXTRA_CA_CERTS: registry.ca ?? '' };
    chmodSync(join(registry.ca ?? '', '..'), 0o755);

    const stranger = await user.run({}, 'rkt-fetch', reference);
    assert.equal(stranger.status, 69, stranger.stderr);
    const anonymous = await user.run(trust, 'rkt-fetch', reference);
    assert.equal(anonymous.status, 77, anonymous.stderr);
    const fetched = await user.run({ ...trust, REGISTRY_AUTH_FILE: user.auth }, 'rkt-fetch', '--quiet', reference);
    assert.deepEqual([fetched.status, fetched.stderr], [0, '']);

    const rkt = makeRkt(t);
    const script = 'apt-get --version | head -1; bash -c "echo bash"; python3 -c "print(6 * 7)"';
    const options = ['--quiet', '--insecure-options=image', `--store=${user.store}`, fetched.stdout.trim()];
    const uuid = rkt.ok('prepare', ...options, '--', 'sh', '-c', script);
    const { status, stdout, stderr } = rkt.run('run-prepared', uuid);
    assert.match(stdout, /^apt \d\S* \(\w+\)\nbash\n42\n$/);
    assert.deepEqual([status, stderr], [0, '']);
  });

  test('a credential helper is asked by the user, outside of what confines rkt-fetch', async (t) => {
    await using registry = await startRegistry({ auth: 'basic' });
    const reference = await registry.push(`oci:${join(images, 'busybox')}:latest`, 'busybox:1');
    const user = makeUser(t, registry.authFile);
    const docker = join(user.home, '.docker');
    const written = join(user.home, 'asked');
    mkdirSync(docker);
    const configure = (content: object) => writeFileSync(join(docker, 'config.json'), JSON.stringify(content));
    const answer = JSON.stringify({ Username: registry.username, Secret: registry.password });
    const helper = join(user.home, 'docker-credential-keys');
    writeFileSync(helper, `#!/bin/sh\nread -r server; echo "$1 $server" >>${written}\necho '${answer}'\n`);
    chmodSync(helper, 0o755);
    configure({ credHelpers: { [registry.host]: 'keys' } });
    const path = { PATH: `${user.home}:${process.env['PATH']}` };
    const words = ['rkt-fetch', '--quiet', '--insecure-options=http'];
    const fetched = await user.run(path, ...words, reference);
    assert.equal(fetched.status, 0, fetched.stderr);
    assert.equal(readFileSync(written, 'utf8'), `get ${registry.host}\n`);
    // Where nothing is asked of a registry, nothing is asked of a helper.
    await user.run(path, ...words, '--pull-policy=never', reference);
    assert.equal(readFileSync(written, 'utf8'), `get ${registry.host}\n`);
    // One that fails is told in one line, and nothing is fetched; one for other hosts is not asked.
    writeFileSync(helper, '#!/bin/sh\nexit 3\n');
    const failed = await user.run(path, ...words, reference);
    assert.deepEqual([failed.status, failed.stdout], [69, '']);
    assert.match(failed.stderr, /^rkt-fetch: cannot get credentials from "docker-credential-keys": [^\n]*\n$/);
    configure({ credHelpers: { 'other.example': 'keys' } });
    assert.equal((await user.run(path, ...words, reference)).status, 77);
    // A file that the user names is only data.
    configure({ credsStore: 'keys' });
    const named = await user.run(path, ...words, `--authfile=${join(docker, 'config.json')}`, reference);
    assert.equal(named.status, 77);
    assert.match(named.stderr, /not running docker-credential-keys/);
  });

  test('run fetches what is missing, once', async (t) => {
    await using registry = await startRegistry({ auth: 'none' });
    const reference = await registry.push(`oci:${join(images, 'busybox')}:latest`, 'busybox:1');
    const rkt = makeRkt(t);
    const run = () =>
      new Promise<string>((resolve) => {
        const words = [`--dir=${rkt.dir}`, '--insecure-options=image,http', reference, '--', 'echo', 'hello'];
        execFile(join(bin, 'rkt-run'), words, { encoding: 'utf8' }, (_error, stdout) => resolve(stdout));
      });
    assert.equal(await run(), 'hello\n');
    const blobs = () => registry.requests().filter((line) => /^GET .*\/blobs\//.test(line)).length;
    const first = blobs();
    assert.ok(first > 0);
    assert.equal(await run(), 'hello\n');
    assert.equal(blobs(), first);
  });
});
