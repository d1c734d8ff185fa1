// SPDX-License-Identifier: Apache-2.0
// Pods on a disk that becomes full: they run on, say what is lost, and what is there stays good.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { bin, images, makeRkt, skipPods } from './rkt.ts';

const NAME = 'registry.example.com/busybox:latest';

/** A file system of 16 MiB with the image in its store, which only those see who are `inside`. */
async function smallDisk(t: TestContext, type: 'tmpfs' | 'ext4') {
  const { dir } = makeRkt(t);
  const small = join(dir, 'small');
  mkdirSync(small);
  writeFileSync(join(dir, 'disk'), '');
  truncateSync(join(dir, 'disk'), 16 << 20);
  const script = {
    tmpfs: 'mount -t tmpfs -o size=16m none "$1/small"',
    ext4: 'mkfs.ext4 -q -m 0 "$1/disk" && mount -o loop "$1/disk" "$1/small"',
  }[type];
  const words = [
    '--mount',
    '--propagation=private',
    'sh',
    '-c',
    `${script} && echo ready && exec sleep 300`,
    'sh',
    dir,
  ];
  const holder = spawn('unshare', words, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => holder.kill('SIGKILL'));
  const [ready] = await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit')]);
  assert.equal(String(ready), 'ready\n');
  const inside = (...command: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync('nsenter', [`--target=${holder.pid}`, '--mount', ...command], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    return { status, stdout, stderr };
  };
  const rkt = (command: string, ...args: readonly string[]) => inside(join(bin, `rkt-${command}`), `--dir=${small}`, ...args); // prettier-ignore
  const from = `oci:${join(images, 'busybox')}:latest`;
  inside('skopeo', 'copy', '-q', '--preserve-digests', from, `oci:${join(small, 'store')}:${NAME}`);
  return {
    small,
    inside,
    rkt,
    prepare: (...command: readonly string[]) =>
      rkt('prepare', '--quiet', '--insecure-options=image', `docker://${NAME}`, '--', ...command),
    fill: () =>
      void inside('sh', '-c', `cd ${small}; for n in fill more; do cat /dev/zero >$n; sync; done 2>/dev/null`),
    free: () => void inside('rm', '-f', join(small, 'fill'), join(small, 'more')),
  };
}

suite('pods on a full disk', { skip: skipPods }, () => {
  test('a pod whose status finds no room says so once, and ends as its app does', async (t) => {
    const disk = await smallDisk(t, 'tmpfs');
    const uuid = disk.prepare('sh', '-c', 'echo ran; exit 7').stdout.trim();
    disk.fill();
    const { status, stdout, stderr } = disk.rkt('run-prepared', uuid);
    assert.deepEqual([status, stdout], [7, 'ran\n'], stderr);
    assert.equal(stderr, `stage1: cannot write "${disk.small}/pods/run/${uuid}/status": no space left on device\n`);
    disk.free();
    assert.match(disk.rkt('status', uuid).stdout, /^state=exited$/m);
    assert.equal(disk.rkt('gc', '--grace-period=0s').status, 0);
    assert.equal(disk.rkt('list', '--no-legend').stdout, '');
  });

  test('a disk that becomes full while a pod runs loses nothing of its end', async (t) => {
    const disk = await smallDisk(t, 'ext4');
    const uuid = disk.prepare('sh', '-c', 'cat /dev/zero >/fill 2>/dev/null; echo full; exit 7').stdout.trim();
    const { status, stdout, stderr } = disk.rkt('run-prepared', uuid);
    assert.deepEqual([status, stdout, stderr], [7, 'full\n', '']);
    assert.match(disk.rkt('status', uuid).stdout, /^app-busybox=7$/m);
    // Nothing can be prepared there; what is refused leaves nothing, and collecting needs no room.
    disk.fill();
    const refused = disk.prepare('true');
    assert.equal(refused.status, 71);
    assert.match(refused.stderr, /^rkt-prepare: cannot [^\n]*no space left on device\n$/);
    assert.equal(disk.rkt('gc', '--grace-period=0s').status, 0);
    assert.equal(disk.inside('sh', '-c', `cd ${disk.small}; find pods/*/ ranges/ -mindepth 1`).stdout, '');
    disk.free();
    assert.equal(disk.prepare('true').status, 0);
  });
});
