// SPDX-License-Identifier: Apache-2.0
// Devices of the host in pods of root and of a user.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { suite, test, type TestContext } from 'node:test';
import { bin, makeRkt, runPod, skipPods, type Result } from './rkt.ts';
import { makeUserRkt, skipUsers } from './user.ts';

const OPEN = 'exec 3<>/dev/given && echo read and written';

suite('devices', { skip: skipPods }, () => {
  test('of root: usable by whoever the app runs as, made in its own /dev', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    for (const options of [[], ['--user=1000', '--group=1000'], ['--readonly-rootfs'], ['--insecure-options=userns']]) {
      const args = ['sh', '-c', `head -c 3 /dev/given | wc -c; ${OPEN}; stat -c "%t %T %F" /dev/given`];
      const { stdout, stderr } = runPod(rkt, image, { options: [...options, '--device=/dev/zero:/dev/given'], args });
      assert.equal(stdout, '3\nread and written\n1 5 character special file\n', options.join() + stderr);
    }
  });

  test('for reading alone: not even root of the pod writes, or makes itself able to', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const options = [
      '--device',
      '/dev/zero:/dev/deep/er/given:r',
      '--caps-retain=CAP_FOWNER,CAP_DAC_OVERRIDE,CAP_CHOWN,CAP_MKNOD',
    ];
    const script = 'cd /dev/deep/er; head -c 3 given | wc -c; (: >given); chmod 666 given; chown 0 given; cp -a given /copy; mknod /made c 1 5'; // prettier-ignore
    const { stdout, stderr } = runPod(rkt, image, { options, args: ['sh', '-c', script] });
    assert.equal(stdout, '3\n', stderr);
    assert.equal(stderr.match(/not permitted|denied/g)?.length, 5, stderr);
  });

  test('a directory stands for the devices in it; what every app has of its own is not replaced', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const { stdout, stderr } = runPod(rkt, image, { options: ['--device=/dev/net'], args: ['ls', '/dev/net'] });
    assert.equal(stdout, 'tun\n', stderr);
    for (const [device, status] of [['/dev/null', 64], ['/dev/zero:/dev/null', 64], ['/dev/nothing', 66], ['/dev/zero:/x', 64]] as const) {
      const refused = rkt.run('prepare', '--insecure-options=image', image, `--device=${device}`);
      assert.equal(refused.status, status, refused.stderr);
      assert.match(refused.stderr, /^rkt-prepare: cannot use [^\n]+\n$/);
    } // prettier-ignore
  });

  test('without root: as open as on the host', { skip: skipUsers }, (t) => {
    const rkt = makeUserRkt(t);
    const image = rkt.image('busybox');
    const args = ['sh', '-c', `head -c 3 /dev/given | wc -c; ${OPEN}; chmod 600 /dev/given`];
    const { stdout, stderr } = runPod(rkt, image, { options: ['--device=/dev/zero:/dev/given'], args });
    assert.equal(stdout, '3\nread and written\n', stderr);
    assert.match(stderr, /chmod: [^\n]*(Read-only|not permitted)/);
  });
});

/** Runs a pod on a machine on which these files describe devices. */
function withSpecs(t: TestContext, specs: Readonly<Record<string, object | string>>, device: string): Result {
  const rkt = makeRkt(t);
  const image = rkt.image('busybox');
  const files = Object.entries(specs).flatMap(([name, text]) => [name, typeof text === 'string' ? text : JSON.stringify(text)]); // prettier-ignore
  const script = `mount --make-rprivate / && mount -t tmpfs -o mode=755 t /run && mkdir -m 755 /run/cdi && mkdir -m 755 /run/lib && echo lib >/run/lib/file
image=$1 device=$2; shift 2
while [ $# -gt 0 ]; do printf %s "$2" >/run/cdi/$1; [ $1 != open.json ] || chmod 666 /run/cdi/$1; shift 2; done
${bin}/rkt-run --dir=${rkt.dir} --insecure-options=image --pull-policy=never $image --device=$device -- \
  sh -c 'env | grep CDI | sort; ls /dev/given; cat /lib/cdi/file; touch /lib/cdi/x; id -G; stat -c "%a %u %g" /dev/given'`;
  const args = ['-m', 'sh', '-c', script, 'sh', image, device, ...files];
  return spawnSync('unshare', args, { encoding: 'utf8', timeout: 60_000 });
}

suite('the Container Device Interface', { skip: skipPods }, () => {
  const spec = {
    cdiVersion: '0.6.0',
    kind: 'vendor.com/class',
    containerEdits: { env: ['CDI_ALL=1'], additionalGids: [7] },
    devices: [
      {
        name: 'one',
        containerEdits: {
          env: ['CDI_ONE=1'],
          deviceNodes: [{ path: '/dev/given', hostPath: '/dev/zero', fileMode: 0o640, gid: 7 }],
          mounts: [{ hostPath: '/run/lib', containerPath: '/lib/cdi', options: ['ro', 'nosuid', 'nodev', 'rbind'] }],
        },
      },
      { name: 'hook', containerEdits: { hooks: [{ hookName: 'createContainer', path: '/bin/true' }] } },
      { name: 'other', containerEdits: { deviceNodes: [{ path: '/dev/given', hostPath: '/dev/zero', minor: 7 }] } },
    ],
  };

  test('nodes, mounts, variables and groups of a device', (t) => {
    const { stdout, stderr } = withSpecs(t, { 'a.json': spec, 'ignored.txt': 'x' }, 'vendor.com/class=one');
    assert.equal(stdout, 'CDI_ALL=1\nCDI_ONE=1\n/dev/given\nlib\n0 7\n640 0 7\n', stderr);
    assert.match(stderr, /touch: \/lib\/cdi\/x: Read-only file system/);
  });

  test('what cannot be used is refused in one line', (t) => {
    const cases = [
      [{ 'a.json': spec }, 'vendor.com/class=hook', 78, /executed, which rkt does not do/],
      [{ 'a.json': spec }, 'vendor.com/class=other', 78, /is another device/],
      [{ 'a.json': spec }, 'vendor.com/class=none', 66, /no file of \/etc\/cdi and \/run\/cdi describes it/],
      [{ 'a.json': spec, 'b.json': spec }, 'vendor.com/class=one', 78, /describe it/],
      [{ 'open.json': spec }, 'vendor.com/class=one', 78, /cannot trust "\/run\/cdi\/open.json": it can be written by/],
      [{ 'a.json': '{' }, 'vendor.com/class=one', 78, /it is not JSON/],
    ] as const;
    for (const [specs, device, status, why] of cases) {
      const refused = withSpecs(t, specs, device);
      assert.deepEqual([refused.status, refused.stdout], [status, ''], refused.stderr);
      assert.match(refused.stderr, why);
      assert.match(refused.stderr, /^rkt-prepare: cannot [^\n]+\n$/);
    }
  });
});
