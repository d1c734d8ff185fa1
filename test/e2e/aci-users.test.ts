// SPDX-License-Identifier: Apache-2.0
// Signed images in appc's format without root, and in the store of a user, from which root prepares a pod.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, suite, test, type TestContext } from 'node:test';
import { Keyring } from '@rkt/pod-fixtures';
import { makeAci, type AciOptions } from '../images/aci.ts';
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

/** What an ACI is, and whether Alice signs it. */
type Made = AciOptions & { readonly isSigned?: boolean };

/** Fetches an ACI with a shell in it as the user. */
function fetchAs(rkt: UserRkt, name: string, { isSigned = true, ...more }: Made = {}): Buffer {
  const busybox = readFileSync(execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim());
  const app = { exec: ['/bin/busybox', 'cat', '/word'], user: '0', group: '0' };
  const files = { 'bin/busybox': busybox, word: 'hello\n' };
  const { bytes } = makeAci({ name: `example.com/${name}`, files, manifest: { app }, ...more });
  const path = join(rkt.user.home, `${name}.aci`);
  writeFileSync(path, bytes);
  if (isSigned) writeFileSync(`${path}.asc`, ring.signDetached(ALICE, bytes, '20250101T000000'));
  rkt.ok('fetch', '--quiet', path);
  return bytes;
}

/** The blob of the store that holds an ACI. */
function blobOf({ dir }: UserRkt, bytes: Buffer): string {
  return join(dir, 'store', 'blobs', 'sha256', createHash('sha256').update(bytes).digest('hex'));
}

/** Puts files in turn into the place of another, each for a while that differs. */
const RACER = `
const { linkSync, renameSync } = require('node:fs');
const [path, ...files] = process.argv.slice(1);
const put = (turn) => {
  linkSync(files[turn % files.length], path + '.new');
  renameSync(path + '.new', path);
  setTimeout(put, Math.random() * 120, turn + 1);
};
put(0);`;

function assertRefused({ status, stdout, stderr }: Result, pattern: RegExp): void {
  assert.deepEqual([status, stdout], [77, ''], stderr);
  assert.match(stderr, pattern);
}

suite("signed images in appc's format of users", { skip: skipUsers }, () => {
  const alice = ring.make(ALICE, { at: '20240101T000000' });

  test('a user verifies and runs what somebody has signed whom root trusts, and nothing else', (t) => {
    const rkt = makeUserRkt(t);
    const options = makeTrust(t, alice);
    fetchAs(rkt, 'signed');
    fetchAs(rkt, 'unsigned', { isSigned: false });
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
    const bytes = fetchAs(user, 'signed');
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

  test('root takes no link and no pipe out of the store of a user, and keeps nothing that the user can still change', (t) => {
    const user = makeUserRkt(t);
    const rkt = makeRkt(t);
    const options = [`--store=${join(user.dir, 'store')}`, ...makeTrust(t, alice)];
    const bytes = fetchAs(user, 'signed');
    const prepare = () => rkt.run('prepare', '--quiet', ...options, 'example.com/signed');
    const path = blobOf(user, bytes);
    const elsewhere = join(user.user.home, 'elsewhere');
    renameSync(path, elsewhere);
    for (const make of [() => symlinkSync(elsewhere, path), () => execFileSync('mkfifo', [path])]) {
      make();
      const { status, stderr } = prepare();
      assert.equal(status, 65, stderr);
      assert.match(stderr, /^rkt-prepare: cannot read ".*": not a regular file\n$/);
      rmSync(path);
    }
    linkSync(elsewhere, path);
    const prepared = prepare();
    assert.equal(prepared.status, 0, prepared.stderr);
    // The other name of the same file.
    chmodSync(elsewhere, 0o644);
    writeFileSync(elsewhere, Buffer.alloc(bytes.length));
    const { status, stdout, stderr } = rkt.run('run-prepared', prepared.stdout.trim());
    assert.deepEqual([status, stdout], [0, 'hello\n'], stderr);
  });

  test('root prepares what is signed, or nothing, from a store that its user changes all the while', (t) => {
    const user = makeUserRkt(t);
    const options = [`--store=${join(user.dir, 'store')}`, ...makeTrust(t, alice)];
    const bytes = fetchAs(user, 'signed', { compression: 'none' });
    const other = Buffer.from(bytes.toString('latin1').replace('hello\n\0', 'hallo\n\0'), 'latin1');
    assert.ok(other.length === bytes.length && !other.equals(bytes));
    const files = [bytes, other].map((content, index) => {
      const path = join(user.user.home, String(index));
      writeFileSync(path, content);
      return path;
    });
    const racer = spawn(process.execPath, ['--eval', RACER, blobOf(user, bytes), ...files], { stdio: 'ignore' });
    t.after(() => racer.kill('SIGKILL'));
    const outcomes = Array.from({ length: 12 }, () => {
      const rkt = makeRkt(t);
      const { status, stdout, stderr } = rkt.run('prepare', '--quiet', ...options, 'example.com/signed');
      if (status === 0) assert.equal(rkt.run('run-prepared', stdout.trim()).stdout, 'hello\n');
      else assert.match(`${String(status)} ${stderr}`, /^(?:65|77) rkt-prepare: /);
      return status;
    });
    assert.equal(racer.exitCode, null, outcomes.join());
  });
});
