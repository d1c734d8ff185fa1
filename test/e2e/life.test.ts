// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { podCgroups } from '@rkt/cgroups';
import { makeRkt, runPod, skipPods, startPod } from './rkt.ts';

/** A process and all below it. */
function processesOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  return [pid, ...children.flatMap(processesOf)];
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\t[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Keeps processes from dying, where cgroup v1 offers that; returns what lets them go. */
function freeze(t: TestContext, pids: readonly number[]): (() => void) | undefined {
  if (!existsSync('/sys/fs/cgroup/freezer/tasks')) return undefined;
  const freezer = `/sys/fs/cgroup/freezer/rkt-test-${process.pid}`;
  mkdirSync(freezer);
  const thaw = () => writeFileSync(join(freezer, 'freezer.state'), 'THAWED');
  t.after(() => {
    thaw();
    rmdirSync(freezer);
  });
  for (const pid of pids) writeFileSync(join(freezer, 'cgroup.procs'), String(pid));
  writeFileSync(join(freezer, 'freezer.state'), 'FROZEN');
  return thaw;
}

suite('the life of a pod', { skip: skipPods }, () => {
  test('prepare, run-prepared, enter, status, stop, gc', async (t) => {
    const rkt = makeRkt(t);
    const pod = await startPod(rkt, rkt.image('busybox'), { args: ['sleep', '1000'] });
    assert.match(rkt.ok('list', '--full'), new RegExp(`${pod.uuid}.*running`));
    assert.equal(rkt.ok('enter', pod.uuid.slice(0, 13), 'hostname'), `rkt-${pod.uuid}`);
    assert.equal(rkt.run('enter', pod.uuid, 'sh', '-c', 'exit 7').status, 7);
    assert.match(rkt.ok('status', pod.uuid), /^state=running$/m);
    assert.equal(rkt.ok('stop', pod.uuid), `"${pod.uuid}"`);
    assert.equal(await pod.ended, 128 + 15);
    assert.match(rkt.run('status', pod.uuid).stdout, /^app-busybox=143$/m);
    assert.deepEqual(podCgroups(pod.uuid), []);
    rkt.ok('gc', '--grace-period=0s');
    rkt.ok('gc', '--grace-period=0s');
    assert.equal(rkt.ok('list', '--no-legend'), '');
    assert.deepEqual(readdirSync(join(rkt.dir, 'ranges')), []);
  });

  test('run ends with the status of the app, and says what it cannot execute', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const { status, stdout, stderr } = runPod(rkt, image, { args: ['echo', 'hello world'] });
    assert.deepEqual([status, stdout, stderr], [0, 'hello world\n', '']);
    assert.equal(runPod(rkt, image, { args: ['sh', '-c', 'exit 42'] }).status, 42);
    assert.equal(runPod(rkt, image, { args: ['sh', '-c', 'kill -9 $$'] }).status, 137);
    const missing = runPod(rkt, image, { args: ['nosuch'] });
    assert.equal(missing.status, 127);
    assert.match(missing.stderr, /^stage1: .*executable file not found in \$PATH\n$/);
    assert.equal(runPod(rkt, image, { args: ['/etc/passwd'] }).status, 126);
  });

  test('kill -9 of the parent ends the pod and frees its lock', async (t) => {
    const rkt = makeRkt(t);
    const pod = await startPod(rkt, rkt.image('busybox'), { args: ['sleep', '1000'] });
    pod.child.kill('SIGKILL');
    await pod.ended;
    rkt.ok('status', '--wait=30s', pod.uuid);
    assert.match(rkt.ok('list', '--full'), new RegExp(`${pod.uuid}.*exited`));
  });

  test('gc deletes a pod whose parent and pid 1 were killed at once only when no process of it lives', async (t) => {
    const rkt = makeRkt(t);
    const forks = 'i=0; while [ $i -lt 30 ]; do sleep 1000 & i=$((i+1)); done; wait';
    const pod = await startPod(rkt, rkt.image('busybox'), { args: ['sh', '-c', forks] });
    const status = readFileSync(join(pod.path, 'status'), 'utf8');
    const [, parent, init] = /^started (\d+) (\d+) /m.exec(status) ?? [];
    const apps = processesOf(Number(parent)).filter((pid) => pid !== Number(parent) && pid !== Number(init));
    const thaw = freeze(t, apps);
    for (const pid of [parent, init]) process.kill(Number(pid), 'SIGKILL');
    await pod.ended;
    if (thaw !== undefined) {
      const refused = rkt.run('gc', '--grace-period=0s');
      assert.equal(refused.status, 71);
      assert.match(refused.stderr, new RegExp(`^rkt-gc: cannot kill "${pod.uuid}": its processes do not end: `, 'm'));
      assert.deepEqual(apps.filter(isAlive), apps);
      assert.deepEqual(readdirSync(join(rkt.dir, 'pods', 'exited-garbage')), [pod.uuid]);
      thaw();
    }
    rkt.ok('gc', '--grace-period=0s');
    assert.deepEqual(apps.filter(isAlive), []);
    assert.deepEqual(readdirSync(join(rkt.dir, 'pods', 'exited-garbage')), []);
  });

  test('stop --force kills an app that ignores its stop signal', async (t) => {
    const rkt = makeRkt(t);
    const pod = await startPod(rkt, rkt.image('busybox'), {
      args: ['sh', '-c', 'trap "" TERM; while true; do sleep 1; done'],
    });
    rkt.ok('stop', '--force', pod.uuid);
    assert.equal(await pod.ended, 137);
  });

  test('two runs of one prepared pod: one runs, the other says so', async (t) => {
    const rkt = makeRkt(t);
    const pod = await startPod(rkt, rkt.image('busybox'), { args: ['sleep', '1000'] });
    const second = rkt.run('run-prepared', pod.uuid);
    assert.equal(second.status, 66);
    assert.match(second.stderr, /it is not prepared/);
  });

  test('volumes: a directory of the host, read-only and writable, and an empty one', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    writeFileSync(join(rkt.dir, 'canary'), 'host\n');
    const volume = (more: string) => [
      '--volume',
      `v,kind=host,source=${rkt.dir}${more}`,
      '--mount',
      'volume=v,target=/mnt/deep/v',
    ];
    const read = runPod(rkt, image, {
      options: volume(',readOnly=true'),
      args: ['sh', '-c', 'cat /mnt/deep/v/canary; touch /mnt/deep/v/x'],
    });
    assert.equal(read.stdout, 'host\n');
    assert.match(read.stderr, /Read-only file system/);
    assert.equal(runPod(rkt, image, { options: volume(''), args: ['touch', '/mnt/deep/v/made'] }).status, 0);
    assert.ok(existsSync(join(rkt.dir, 'made')));
    const empty = ['--volume', 'e,kind=empty,mode=0700,uid=5,gid=6', '--mount', 'volume=e,target=/e'];
    assert.equal(runPod(rkt, image, { options: empty, args: ['stat', '-c', '%a %u %g', '/e'] }).stdout, '700 5 6\n');
  });

  test('an image without a signature needs --insecure-options=image, and the pod says so', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const refused = rkt.run('prepare', image);
    assert.equal(refused.status, 77);
    assert.match(refused.stderr, /wanted --insecure-options=image\n$/);
    const uuid = rkt.ok('prepare', '--insecure-options=image', image);
    const verification = readFileSync(join(rkt.dir, 'pods', 'prepared', uuid, 'verification.json'), 'utf8');
    assert.match(verification, /"outcome": "skipped"/);
  });

  test('a prepare that is refused leaves no pod and no range of ids', (t) => {
    const rkt = makeRkt(t);
    const { status, stderr } = rkt.run('prepare', '--insecure-options=image', rkt.image('busybox'), '--user=70000');
    assert.equal(status, 65, stderr);
    assert.deepEqual(readdirSync(join(rkt.dir, 'ranges')), []);
    assert.deepEqual(readdirSync(join(rkt.dir, 'pods', 'prepare')), []);
  });

  test('a blob that is not what its digest says is refused, and no pod and no layer stay', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const blobs = join(rkt.dir, 'store', 'blobs', 'sha256');
    const layers = JSON.parse(rkt.ok('image', 'cat-manifest', image)).layers;
    const path = join(blobs, layers[0].digest.slice('sha256:'.length));
    const bytes = readFileSync(path);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 9) ^ 1, bytes.length - 9);
    writeFileSync(path, bytes, { flag: 'r+' });
    const { status, stderr } = rkt.run('prepare', '--insecure-options=image', image);
    assert.equal(status, 65, stderr);
    assert.match(
      stderr,
      new RegExp(`^rkt-prepare: [^\n]*${layers[0].digest}[^\n]*: wanted rkt fetch --check ${image}\n$`),
    );
    assert.deepEqual(readdirSync(join(rkt.dir, 'layers')), []);
  });
});
