// SPDX-License-Identifier: Apache-2.0
// Root on a machine on which rkt is installed: what the network sends is received by the system user rkt.
// Another /etc/passwd, in a mount namespace of its own, stands for that machine.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { startRegistry } from '../registry.ts';
import { bin, images, makeRkt, skipPods, type Result, type Rkt } from './rkt.ts';

const UID = 64055;
const GID = 64056;

/** Runs an executable as root of such a machine, with a home of its own; `by` are words that run it. */
function asInstalled({ dir }: Rkt, by: readonly string[], words: readonly string[]): Promise<Result> {
  const passwd = join(dir, 'passwd');
  writeFileSync(passwd, `root:x:0:0::/root:/bin/sh\nrkt:x:${UID}:${GID}::/nonexistent:/bin/false\n`);
  const script = 'mount --bind "$1" /etc/passwd && shift && exec "$@"';
  const [command = '', ...args] = words;
  const line = [
    '--mount',
    '--propagation=private',
    'sh',
    '-c',
    script,
    'sh',
    passwd,
    ...by,
    join(bin, command),
    ...args,
  ];
  return new Promise((resolve) => {
    const env = { PATH: process.env['PATH'], HOME: join(dir, 'home') };
    execFile('unshare', line, { env, encoding: 'utf8' }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** Every path below a directory, with the directory itself, as `OWNER:GROUP:TYPE`. */
function ownersBelow(path: string): string[] {
  const { uid, gid, mode } = lstatSync(path);
  const isDirectory = lstatSync(path).isDirectory();
  const below = isDirectory ? readdirSync(path).flatMap((name) => ownersBelow(join(path, name))) : [];
  return [`${uid}:${gid}:${isDirectory ? (mode & 0o7777).toString(8) : 'file'}`, ...below];
}

suite('root on a machine where rkt is installed', { skip: skipPods }, () => {
  test('no process of root opens a socket, and the store belongs to user rkt', async (t) => {
    await using registry = await startRegistry({ auth: 'basic' });
    const reference = await registry.push(`oci:${join(images, 'busybox')}:latest`, 'busybox:1');
    const rkt = makeRkt(t);
    const home = join(rkt.dir, 'home');
    mkdirSync(join(home, '.docker'), { recursive: true, mode: 0o700 });
    copyFileSync(registry.authFile, join(home, '.docker', 'config.json'));
    chmodSync(join(home, '.docker', 'config.json'), 0o600);
    const trace = join(rkt.dir, 'trace');
    const by = ['strace', '-f', '-o', trace, '-e', 'trace=socket,setresuid,execve'];
    const words = [`--dir=${rkt.dir}`, '--quiet', '--insecure-options=http', reference];
    const { status, stderr } = await asInstalled(rkt, by, ['rkt-fetch', ...words]);
    assert.equal(status, 0, stderr);
    const calls = readFileSync(trace, 'utf8').split('\n');
    const becomes = calls.findIndex((line) => / setresuid\(64055, 64055, 64055\) += 0$/.test(line));
    const sockets = calls.flatMap((line, index) => (line.includes(' socket(') ? [index] : []));
    assert.ok(becomes > 0 && sockets.length > 0, calls.join('\n'));
    assert.ok(sockets.every((index) => index > becomes), calls.join('\n')); // prettier-ignore
    assert.deepEqual([...new Set(ownersBelow(join(rkt.dir, 'store')))].toSorted(), [`${UID}:${GID}:2775`, `${UID}:${GID}:file`]); // prettier-ignore
  });

  test('run fetches by that user into a store that was root’s, and root may still copy what only root reads', async (t) => {
    await using registry = await startRegistry({ auth: 'none' });
    const reference = await registry.push(`oci:${join(images, 'busybox')}:latest`, 'busybox:1');
    const rkt = makeRkt(t);
    rkt.image('busybox');
    const before = new Set(readdirSync(join(rkt.dir, 'store', 'blobs', 'sha256')));
    const run = ['rkt-run', `--dir=${rkt.dir}`, '--insecure-options=image,http', reference, '--', 'echo', 'hello'];
    const { stdout, stderr } = await asInstalled(rkt, [], run);
    assert.equal(stdout, 'hello\n', stderr);
    const store = join(rkt.dir, 'store');
    for (const path of ['.', 'blobs', 'blobs/sha256', 'partial', 'index.json'])
      assert.equal(lstatSync(join(store, path)).uid, UID, path);
    for (const name of before) assert.equal(lstatSync(join(store, 'blobs', 'sha256', name)).uid, 0, name);
    const secret = join(rkt.dir, 'secret');
    cpSync(join(images, 'oddities'), secret, { recursive: true });
    chmodSync(secret, 0o700);
    const fetch = ['rkt-fetch', `--dir=${rkt.dir}`, '--quiet', '--insecure-options=http'];
    const refused = await asInstalled(rkt, [], [...fetch, reference, `oci:${secret}:latest`]);
    assert.equal(refused.status, 77);
    assert.match(refused.stderr, /^rkt-fetch: cannot open "[^\n]*\/secret\/oci-layout": permission denied$/m);
    const copied = await asInstalled(rkt, [], [...fetch, `oci:${secret}:latest`]);
    assert.equal(copied.status, 0, copied.stderr);
  });
});
