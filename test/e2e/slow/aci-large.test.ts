// SPDX-License-Identifier: Apache-2.0
// An ACI that does not fit into memory: fetched, verified and judged in little of it. Takes a minute, and 5 GiB of disk.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Keyring } from '@rkt/pod-fixtures';
import { machineLabels } from '../../images/aci.ts';
import { tar } from '../../images/tar.ts';
import { bin, makeRkt, skipPods } from '../rkt.ts';

const SIZE_BYTES = 2.5 * 1024 ** 3;
const PEAK_KIB_MAX = 160 * 1024;
const BLOCK = 512;

/** Writes an ACI with one file of zeros, which the disk does not have to hold. */
function writeAci(path: string): void {
  const labels = Object.entries(machineLabels).map(([name, value]) => ({ name, value }));
  const app = { exec: ['/true'], user: '0', group: '0' };
  const manifest = { acKind: 'ImageManifest', acVersion: '0.8.11', name: 'example.com/large', labels, app };
  const entries = [
    { path: 'manifest', content: JSON.stringify(manifest) },
    { path: 'rootfs', type: 'directory' },
    { path: 'rootfs/zeros', content: '' },
  ] as const;
  const head = tar(entries).subarray(0, -2 * BLOCK);
  // The header of the last entry says that it is empty: its size, and then its checksum, are written anew.
  const last = head.subarray(-BLOCK);
  last.write(`${SIZE_BYTES.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  last.write(' '.repeat(8), 148, 'latin1');
  const sum = last.reduce((total, byte) => total + byte, 0);
  last.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  const fd = openSync(path, 'w');
  writeSync(fd, head, 0, head.length, 0);
  writeSync(fd, Buffer.alloc(2 * BLOCK), 0, 2 * BLOCK, head.length + SIZE_BYTES);
  closeSync(fd);
}

/** Runs a command and says how much memory the largest of its processes had. */
const MEASURE = `
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)`;

function makePlace(t: TestContext) {
  const rkt = makeRkt(t);
  const place = mkdtempSync('/run/rkt-e2e-large-');
  chmodSync(place, 0o755);
  t.after(() => rmSync(place, { recursive: true, force: true }));
  const options = [`--local-config=${place}`, '--system-config=/none'];
  return {
    rkt,
    place,
    /** Runs a command with the limit; returns what it said. */
    run: (wanted: number, command: string, ...words: readonly string[]) => {
      const args = [join(bin, `rkt-${command}`), `--dir=${rkt.dir}`, ...options, ...words];
      const { status, stdout, stderr } = spawnSync('python3', ['-c', MEASURE, ...args], { encoding: 'utf8' });
      assert.equal(status, wanted, stderr);
      const peakKib = Number(/^peak (\d+)$/m.exec(stdout)?.[1]);
      assert.ok(peakKib > 0 && peakKib < PEAK_KIB_MAX, `rkt-${command}: ${peakKib} KiB`);
      return stdout + stderr;
    },
  };
}

test('an ACI of 2.5 GiB is fetched, verified and judged in less than 160 MiB', { skip: skipPods }, (t) => {
  using ring = new Keyring();
  const userId = 'Large <large@example.com>';
  const fingerprint = ring.make(userId);
  const { rkt, place, run } = makePlace(t);
  const keys = join(place, 'trustedkeys', 'root.d');
  mkdirSync(keys, { recursive: true });
  writeFileSync(join(keys, fingerprint), ring.publicKey(userId), { mode: 0o644 });
  const path = join(rkt.dir, 'large.aci');
  writeAci(path);
  const sign = ['--local-user', `=${userId}`, '--armor', '--output', `${path}.asc`, '--detach-sign'];
  ring.gpg([...sign, path]);
  run(0, 'fetch', '--quiet', path);
  assert.match(run(0, 'verify', 'example.com/large'), /^example\.com\/large\taccepted\tLarge /);
  ring.gpg(sign, { input: 'something else' });
  run(0, 'fetch', '--quiet', path);
  assert.match(run(77, 'prepare', '--quiet', 'example.com/large'), /it does not fit the content/);
});
