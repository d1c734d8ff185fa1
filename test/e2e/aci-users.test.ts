// SPDX-License-Identifier: Apache-2.0
// Signed images in appc's format without root, and in the store of a user, from which root prepares a pod.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test, type TestContext } from 'node:test';
import { Keyring } from '@rkt/pod-fixtures';
import { makeAci } from '../images/aci.ts';
import { makeRkt, type Result } from './rkt.ts';
import { makeUserRkt, skipUsers, type UserRkt } from './user.ts';

const ring = new Keyring();
after(() => ring[Symbol.dispose]());
const ALICE = 'Alice <alice@example.com>';

/** Directories of trust that root has, and everybody may read. */
function makeTrust(t: TestContext, fingerprint: string): string[] {
  const place = mkdtempSync('/run/rkt-e2e-users-');
  t.after(() => rmSync(place, { recursive: true, force: true }));
  const directory = join(place, 'etc', 'trustedkeys', 'prefix.d', 'example.com');
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  chmodSync(place, 0o755);
  writeFileSync(join(directory, fingerprint), ring.publicKey(ALICE), { mode: 0o644 });
  return [`--local-config=${join(place, 'etc')}`, `--system-config=${join(place, 'usr')}`];
}

/** Fetches an ACI with a shell in it as the user. */
function fetchAs(rkt: UserRkt, name: string, isSigned: boolean): Buffer {
  const busybox = readFileSync(execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim());
  const app = { exec: ['/bin/busybox', 'echo', 'hello'], user: '0', group: '0' };
  const { bytes } = makeAci({ name: `example.com/${name}`, files: { 'bin/busybox': busybox }, manifest: { app } });
  const path = join(rkt.user.home, `${name}.aci`);
  writeFileSync(path, bytes);
  if (isSigned) writeFileSync(`${path}.asc`, ring.signDetached(ALICE, bytes, '20250101T000000'));
  rkt.ok('fetch', '--quiet', path);
  return bytes;
}

function assertRefused({ status, stdout, stderr }: Result, pattern: RegExp): void {
  assert.deepEqual([status, stdout], [77, ''], stderr);
  assert.match(stderr, pattern);
}

suite("signed images in appc's format of users", { skip: skipUsers }, () => {
  const alice = ring.make(ALICE, { at: '20240101T000000' });

  test('a user verifies and runs what somebody has signed whom root trusts, and nothing else', (t) => {
    const rkt = makeUserRkt(t);
    const options = makeTrust(t, alice);
    fetchAs(rkt, 'signed', true);
    fetchAs(rkt, 'unsigned', false);
    assert.match(rkt.ok('verify', ...options, 'example.com/signed'), /^example\.com\/signed\taccepted\tAlice /);
    assert.equal(rkt.run('verify', ...options, 'example.com/unsigned').status, 1);
    assertRefused(rkt.run('run', ...options, 'example.com/unsigned'), /it has no signature/);
    const { status, stdout, stderr } = rkt.run('run', ...options, 'example.com/signed');
    assert.deepEqual([status, stdout], [0, 'hello\n'], stderr);
  });

  test('root prepares from the store of a user what is signed, as long as it is that', (t) => {
    const user = makeUserRkt(t);
    const rkt = makeRkt(t);
    const options = [`--store=${join(user.dir, 'store')}`, ...makeTrust(t, alice)];
    const bytes = fetchAs(user, 'signed', true);
    const prepare = () => rkt.run('prepare', '--quiet', ...options, 'example.com/signed');
    const prepared = prepare();
    assert.equal(prepared.status, 0, prepared.stderr);
    const path = join(user.dir, 'store', 'blobs', 'sha256', createHash('sha256').update(bytes).digest('hex'));
    chmodSync(path, 0o644);
    const other = Buffer.from(bytes);
    other.writeUInt8((other.at(-1) ?? 0) ^ 1, other.length - 1);
    writeFileSync(path, other);
    assertRefused(prepare(), /it does not fit the content/);
    writeFileSync(path, bytes.subarray(1));
    assert.match(prepare().stderr, /cannot open blob .*: it has \d+ bytes: wanted \d+/);
  });
});
