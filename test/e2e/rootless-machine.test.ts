// SPDX-License-Identifier: Apache-2.0
// Pods without root on machines that give a user less, or more: ranges of ids, newuidmap, cgroups.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { busyboxLayer, storeImages } from './made.ts';
import { runPod, startPod, type Result } from './rkt.ts';
import { makeUserRkt, skipUsers, type UserRkt } from './user.ts';

const WITHOUT = { ranges: [] };
const UNLIMITED = 'rkt-prepare: cannot limit "pids.limit": no pids controller of cgroup v2 is delegated to you\n';
const NO_LINE = '"rkt-test" has no line in /etc/subuid and /etc/subgid: wanted a line "rkt-test:100000:65536" there';

/** An image all of whose files belong to root. */
function singleUserImage(rkt: UserRkt): string {
  const { image = '' } = storeImages(rkt, { image: { layers: [busyboxLayer()], config: { Cmd: ['/bin/true'] } } });
  execFileSync('chown', ['-R', `${rkt.user.uid}:${rkt.user.uid}`, join(rkt.dir, 'store')]);
  return image;
}

function run(rkt: UserRkt, image: string, ...options: readonly string[]): Result {
  return runPod(rkt, image, { options, args: ['id', '-u'] });
}

/** What a refusal must be: nothing on standard output, one line on standard error, nothing left behind. */
function refused(rkt: UserRkt, { status, stdout, stderr }: Result, wanted: { status: number; message: string }): void {
  assert.deepEqual([status, stdout], [wanted.status, ''], stderr);
  assert.ok(stderr.startsWith('rkt-prepare: ') && stderr.endsWith(`${wanted.message}\n`), stderr);
  assert.equal(stderr.split('\n').length, 2, stderr);
  const pods = join(rkt.dir, 'pods');
  for (const phase of existsSync(pods) ? readdirSync(pods) : []) assert.deepEqual(readdirSync(join(pods, phase)), []);
}

suite('a user without ranges of ids', { skip: skipUsers }, () => {
  test('runs and enters an image with files of root alone, as nobody but itself', async (t) => {
    const rkt = makeUserRkt(t, { ...WITHOUT, hidden: ['/usr/bin/newuidmap', '/usr/bin/newgidmap'] });
    const image = singleUserImage(rkt);
    const { status, stdout, stderr } = run(rkt, image);
    assert.deepEqual([status, stdout], [0, '0\n']);
    assert.equal(stderr, `rkt-prepare: the pod has no user id but your own: ${NO_LINE}\n${UNLIMITED}`);
    const pod = await startPod(rkt, image, { args: ['sleep', '1000'] });
    assert.match(rkt.ok('status', pod.uuid), /^userns=none: root of the pod is uid 54321, who has no other ids$/m);
    const show = 'cat /proc/self/uid_map /proc/self/gid_map; echo; id -u; touch /made && ls -n /made';
    assert.match(
      rkt.ok('enter', pod.uuid, 'sh', '-c', show),
      /^\s+0 +0 +1\n\s+0 +0 +1\n\n0\n-rw-r--r-- .* 0 +0 .*made$/,
    );
    rkt.ok('stop', pod.uuid);
    await pod.ended;
    for (let i = 0; i < 2; i++) rkt.ok('gc', '--grace-period=0s');
    assert.deepEqual(readdirSync(join(rkt.dir, 'pods', 'garbage')), []);
  });

  test('is told what is missing and how to get it, in one line', (t) => {
    const rkt = makeUserRkt(t, WITHOUT);
    const image = rkt.image('busybox');
    refused(rkt, run(rkt, image), { status: 77, message: `no such id in this user namespace: 1000:1000: ${NO_LINE}` });
    assert.deepEqual(readdirSync(join(rkt.dir, 'layers')), []);
  });

  test('is told so for an id that the app is to run as, and for a volume', (t) => {
    const rkt = makeUserRkt(t, WITHOUT);
    const image = singleUserImage(rkt);
    refused(rkt, run(rkt, image, '--user=1000'), {
      status: 77,
      message: `cannot use id 1000: the pod has ids 0 to 0: ${NO_LINE}`,
    });
    refused(rkt, run(rkt, image, '--volume=v,kind=empty,uid=5'), {
      status: 77,
      message: 'cannot use id 5 for a volume: the pod has ids 0 to 0',
    });
  });

  test('who gets ranges can use them at once, when no pod has the old ids', (t) => {
    const without = makeUserRkt(t, WITHOUT);
    const image = singleUserImage(without);
    assert.equal(run(without, image).stdout, '0\n');
    const rkt = without.where({});
    const busy = run(rkt, image);
    assert.equal(busy.status, 78);
    assert.match(
      busy.stderr,
      /^rkt-prepare: .*: pod ".*" has other user ids than \/etc\/subuid gives you now: wanted rkt gc\n$/,
    );
    for (let i = 0; i < 2; i++) rkt.ok('gc', '--grace-period=0s');
    assert.equal(run(rkt, image, '--user=1000').stdout, '1000\n');
  });
});

suite('a user whose ranges are not what they were', { skip: skipUsers }, () => {
  test('keeps layers whose ids are gone until they are back', (t) => {
    const rkt = makeUserRkt(t);
    const image = rkt.image('busybox');
    assert.equal(run(rkt, image).stdout, '0\n');
    for (let i = 0; i < 2; i++) rkt.ok('gc', '--grace-period=0s');
    const layers = readdirSync(join(rkt.dir, 'layers'));
    refused(rkt, run(rkt.where({ ranges: ['1800000000:65536'] }), image), {
      status: 78,
      message: 'newuidmap refused: wanted a line for these ids in /etc/subuid',
    });
    assert.deepEqual(readdirSync(join(rkt.dir, 'layers')), layers);
    assert.equal(run(rkt, image).stdout, '0\n');
    for (let i = 0; i < 2; i++) rkt.ok('gc', '--grace-period=0s');
    // More ids than before: those of before can still be used to make room.
    assert.equal(run(rkt.where({ ranges: ['1900000000:65536', '1800000000:10'] }), image).stdout, '0\n');
  });

  test('runs pods with ids of several ranges', (t) => {
    const ranges = ['1900000000:500', '1800000000:600', '1700000000:70000'];
    const rkt = makeUserRkt(t, { ranges, groupRanges: ['1800000000:300', '1900000000:100000'] });
    const image = rkt.image('busybox');
    const script = 'id -u; id -g; stat -c %u:%g /home/alice; chown 65535:65535 /tmp && stat -c %u:%g /tmp';
    const options = ['--user=0', '--group=300'];
    const { stdout } = runPod(rkt, image, { options, args: ['sh', '-c', script] });
    assert.equal(stdout, '0\n300\n1000:1000\n65535:65535\n');
    const uuid = rkt.ok('list', '--full', '--no-legend').split('\t')[0] ?? '';
    assert.match(rkt.run('status', uuid).stdout, /^userns=1900000000:500,1800000000:600,1700000000:64436, shared/m);
  });
});

suite('a machine without newuidmap', { skip: skipUsers }, () => {
  test('is named with the package to install, by prepare and by run-prepared', (t) => {
    const rkt = makeUserRkt(t);
    const image = rkt.image('busybox');
    for (const program of ['/usr/bin/newuidmap', '/usr/bin/newgidmap']) {
      const bare = rkt.where({ hidden: [program] });
      refused(rkt, run(bare, image), {
        status: 77,
        message: `: ${program} cannot be executed: wanted the package uidmap`,
      });
    }
    assert.deepEqual(readdirSync(join(rkt.dir, 'layers')), []);
    const uuid = rkt.ok('prepare', '--quiet', '--insecure-options=image', image);
    const bare = rkt.where({ hidden: ['/usr/bin/newuidmap'] });
    const second = run(bare, image);
    assert.equal(second.status, 77);
    assert.match(second.stderr, /^rkt-prepare: cannot prepare a pod: .*: wanted the package uidmap\n$/);
    const { status, stderr } = bare.run('run-prepared', uuid);
    assert.equal(status, 125);
    assert.match(stderr, /^stage1: \S+\/plan:\d+: unshare_user: .*: wanted the package uidmap\n$/);
  });

  test('does not execute another program of that name', (t) => {
    const rkt = makeUserRkt(t);
    const image = rkt.image('busybox');
    const elsewhere = {
      hidden: ['/usr/bin/newuidmap'],
      before:
        'cp /bin/true /tmp/newuidmap; shift 3; set -- --reuid=54321 --regid=54321 --clear-groups env PATH=/tmp:$PATH "$@"',
    };
    const path = '/tmp/newuidmap';
    t.after(() => execFileSync('rm', ['-f', path]));
    assert.match(run(rkt.where(elsewhere), image).stderr, /\/usr\/bin\/newuidmap cannot be executed/);
  });
});

/** A cgroup that is delegated to the user, and one in it where the user's commands begin. */
function delegate(t: TestContext, rkt: UserRkt): { path: string; rkt: UserRkt } {
  const root = /^\S+ \S+ \S+ \S+ (\S+) .* - cgroup2 /m.exec(readFileSync('/proc/self/mountinfo', 'utf8'))?.[1] ?? '';
  const path = join(root, `rkt-test-${process.pid}`);
  for (const made of [path, join(path, 'session')]) {
    mkdirSync(made);
    for (const file of ['', 'cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads'])
      chownSync(join(made, file), rkt.user.uid, rkt.user.uid);
  }
  t.after(() => {
    for (const made of [join(path, 'rkt'), join(path, 'session'), path]) if (existsSync(made)) rmdirSync(made);
  });
  return { path, rkt: rkt.where({ before: `echo $$ >${path}/session/cgroup.procs` }) };
}

suite('cgroups without root', { skip: skipUsers }, () => {
  test('a limit that was asked for and cannot be set is refused', (t) => {
    const rkt = makeUserRkt(t);
    const image = rkt.image('busybox');
    refused(rkt, run(rkt, image, '--memory=64Mi'), {
      status: 78,
      message: 'cannot limit "memory.limit": no memory controller of cgroup v2 is delegated to you',
    });
  });

  test('a pod has those that were delegated, enter joins them, and they end with the pod', async (t) => {
    const { path, rkt } = delegate(t, makeUserRkt(t));
    const image = rkt.image('busybox');
    const pod = await startPod(rkt, image, { args: ['sleep', '1000'] });
    const own = join(path, 'rkt', pod.uuid);
    assert.deepEqual(
      readdirSync(own)
        .filter((name) => !name.includes('.'))
        .toSorted(),
      ['app-busybox', 'supervisor'],
    );
    assert.equal(
      readFileSync(join(own, 'app-busybox', 'cgroup.procs'), 'utf8')
        .trim()
        .split('\n').length,
      1,
    );
    const shown = rkt.ok('enter', pod.uuid, 'sh', '-c', 'grep ^0: /proc/self/cgroup; ls -d /sys/fs/cgroup/*; true');
    assert.equal(shown, '0::/');
    rkt.ok('pause', pod.uuid);
    assert.match(readFileSync(join(own, 'app-busybox', 'cgroup.events'), 'utf8'), /^frozen 1$/m);
    assert.match(rkt.ok('status', pod.uuid), /^paused=busybox$/m);
    rkt.ok('stop', '--force', pod.uuid);
    await pod.ended;
    for (let i = 0; i < 2; i++) rkt.ok('gc', '--grace-period=0s');
    assert.ok(!existsSync(own));
    assert.deepEqual(
      readdirSync(join(path, 'rkt')).filter((name) => !name.includes('.')),
      [],
    );
  });
});
