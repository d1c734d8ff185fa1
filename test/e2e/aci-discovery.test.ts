// SPDX-License-Identifier: Apache-2.0
// From the name of an image in appc's format to a pod: its keys, itself and its signature are all found by discovery.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test, type TestContext } from 'node:test';
import { Keyring } from '@rkt/pod-fixtures';
import { page, startAciServer } from '../aci-server.ts';
import { makeAci } from '../images/aci.ts';
import { bin, makeRkt, skipPods, type Result } from './rkt.ts';

const ring = new Keyring();
after(() => ring[Symbol.dispose]());
const ALICE = 'Alice <alice@example.com>';

/** Runs commands beside the servers of the test, which reach the world by them alone. */
async function makePlace(t: TestContext) {
  const rkt = makeRkt(t);
  const place = mkdtempSync('/run/rkt-e2e-discovery-');
  chmodSync(place, 0o755);
  t.after(() => rmSync(place, { recursive: true, force: true }));
  const server = await startAciServer(t);
  // Keys are read by nobody.
  const certificate = join(place, 'authority.crt');
  writeFileSync(certificate, readFileSync(server.environment['NODE_EXTRA_CA_CERTS'] ?? ''), { mode: 0o644 });
  const env = { ...process.env, ...server.environment, NODE_EXTRA_CA_CERTS: certificate };
  const config = [`--local-config=${join(place, 'etc')}`, `--system-config=${join(place, 'usr')}`];
  const run = async (command: string, ...words: readonly string[]): Promise<Result> => {
    const args = [`--dir=${rkt.dir}`, ...config, ...words];
    const child = spawn(join(bin, `rkt-${command}`), args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const texts = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => (texts.stdout += String(chunk)));
    child.stderr.on('data', (chunk) => (texts.stderr += String(chunk)));
    const [status] = await once(child, 'close');
    return { status, ...texts };
  };
  return { server, run };
}

suite("images in appc's format by their names", { skip: skipPods }, () => {
  test('an image runs by its name when its key is trusted for that name, and not before', async (t) => {
    const { server, run } = await makePlace(t);
    const alice = ring.make(ALICE, { at: '20240101T000000' });
    const busybox = readFileSync(execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim());
    const app = { exec: ['/bin/busybox', 'echo', 'hello'], user: '0', group: '0' };
    const base = makeAci({ name: 'example.com/base', version: '1', files: { 'bin/busybox': busybox } });
    const dependencies = [{ imageName: 'example.com/base', imageID: base.imageId }];
    const aci = makeAci({ version: '2', manifest: { app, dependencies } });
    const template = 'example.com https://storage.example.com/{name}.{ext}';
    server.files.set(
      'example.com/?ac-discovery=1',
      page(['ac-discovery', template], ['ac-discovery-pubkeys', 'example.com https://storage.example.com/keys.asc']),
    );
    const serve = (name: string, body: Buffer) => server.files.set(`storage.example.com/${name}`, { body });
    serve('keys.asc', ring.publicKey(ALICE));
    for (const [name, { bytes }] of [['example.com/base', base], ['example.com/app', aci]] as const) {
      serve(`${name}.aci`, bytes);
      serve(`${name}.aci.asc`, ring.signDetached(ALICE, bytes, '20250101T000000'));
    } // prettier-ignore

    const refused = await run('run', 'example.com/app:2');
    assert.deepEqual([refused.status, refused.stdout], [77, '']);
    assert.match(
      refused.stderr,
      /nobody is trusted for "example\.com\/app:2".*wanted rkt trust --prefix=example\.com\/app \[FILE\]/,
    );
    const trusted = await run('trust', '--prefix=example.com', '--trust-keys-from-https');
    assert.equal(trusted.status, 0, trusted.stderr);
    assert.match(
      trusted.stdout,
      new RegExp(`^Added key for prefix "example\\.com" at ".*/prefix.d/example.com/${alice}"\n$`),
    );
    server.log.length = 0;
    // Nothing is fetched any more: the signatures came with the images.
    const { status, stdout, stderr } = await run('run', 'example.com/app:2');
    assert.deepEqual([status, stdout], [0, 'hello\n'], stderr);
    const verified = await run('verify', 'example.com/app:2');
    assert.equal(verified.status, 0, verified.stderr);
    assert.deepEqual(
      verified.stdout.trimEnd().split('\n').map((line) => line.split(/\t+/).slice(0, 3)),
      [['example.com/app:2', 'accepted', ALICE], ['example.com/base:1', 'accepted', ALICE]],
    ); // prettier-ignore
    assert.deepEqual(server.log, []);
    const removed = await run('trust', `--remove=${alice}`);
    assert.equal(removed.status, 0, removed.stderr);
    assert.equal((await run('run', 'example.com/app:2')).status, 77);
  });
});
