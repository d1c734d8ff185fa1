// SPDX-License-Identifier: Apache-2.0
// Pods from a manifest of appc, and what users note of pods.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { makeAci, type AciOptions } from '../images/aci.ts';
import { bin, makeRkt, skipPods, type Rkt } from './rkt.ts';
import { makeUserRkt, skipUsers } from './user.ts';

/** The image in the store of a test, by its digest as a pod manifest writes it, cut short. */
function storedId(rkt: Rkt): string {
  rkt.image('busybox');
  return rkt.ok('image', 'list', '--full', '--no-legend', '--fields=id').replace(':', '-').slice(0, 30);
}

/** Fetches an ACI that has a busybox; returns its id. */
function fetchAci(rkt: Rkt, options: AciOptions): string {
  const busybox = readFileSync(execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim());
  const aci = makeAci({ ...options, files: { 'bin/busybox': busybox, 'bin/echo': busybox, 'bin/sh': busybox } });
  const path = join(rkt.dir, 'image.aci');
  writeFileSync(path, aci.bytes);
  rkt.ok('fetch', '--quiet', '--pull-policy=never', path);
  return aci.imageId;
}

function write(rkt: Rkt, manifest: object): string {
  const path = join(rkt.dir, 'manifest.json');
  writeFileSync(path, JSON.stringify({ acKind: 'PodManifest', acVersion: '1.30.0', ...manifest }));
  return `--pod-manifest=${path}`;
}

const app = {
  user: '5',
  group: '6',
  exec: ['/bin/sh', '-c', 'id; echo "$A"; pwd; ls -ld /data | cut -c-10; touch /x || echo ro'],
};

suite('pods from a manifest', { skip: skipPods }, () => {
  test('an app runs as the manifest says, whatever its image says', (t) => {
    const rkt = makeRkt(t);
    const body = {
      ...app,
      supplementaryGIDs: [7],
      workingDirectory: '/tmp',
      environment: [{ name: 'A', value: 'b=c' }],
    };
    const more = { readOnlyRootFS: true, mounts: [{ volume: 'data', path: '/data' }] };
    const manifest = write(rkt, {
      apps: [{ name: 'one', image: { id: storedId(rkt) }, app: body, ...more }],
      volumes: [{ name: 'data', kind: 'empty', mode: '0700', uid: 5, gid: 6 }],
    });
    const { status, stdout, stderr } = rkt.run('run', '--insecure-options=image', manifest);
    assert.equal(stdout, 'uid=5 gid=6 groups=7\nb=c\n/tmp\ndrwx------\nro\n', stderr);
    assert.equal(status, 0);
  });

  test('images of appc are found by a short id, or by name and labels, and say how they run where the manifest does not', (t) => {
    const rkt = makeRkt(t);
    const own = {
      user: '0',
      group: '0',
      exec: ['/bin/echo', 'image', 'says'],
      environment: [{ name: 'B', value: 'of the image' }],
      mountPoints: [{ name: 'd', path: '/of-image' }],
    };
    const imageId = fetchAci(rkt, { name: 'example.com/app', version: '1', manifest: { app: own } });
    fetchAci(rkt, { name: 'example.com/app', version: '2', manifest: {} });
    const labels = [{ name: 'version', value: '1' }];
    // Nothing of the image counts then, not even what the manifest does not mention.
    const look =
      'echo "manifest says$B"; while read -r _ path _; do case $path in /of-*) echo "$path" ;; esac; done </proc/mounts';
    const body = {
      user: '0',
      group: '0',
      exec: ['/bin/sh', '-c', look],
      mountPoints: [{ name: 'm', path: '/of-manifest' }],
    };
    for (const [image, more, said] of [
      [{ id: imageId.slice(0, 20) }, {}, 'image says'],
      [{ id: '', name: 'example.com/app', labels }, {}, 'image says'],
      [{ id: '', name: 'example.com/app', labels }, { app: body }, 'manifest says\n/of-manifest'],
    ] as const) {
      const run = rkt.run('run', '--insecure-options=image', write(rkt, { apps: [{ name: 'one', image, ...more }] }));
      assert.deepEqual([run.stdout, run.status], [`${said}\n`, 0], run.stderr);
    }
    const version2 = { name: 'example.com/app', labels: [{ name: 'version', value: '2' }] };
    const without = rkt.run(
      'run',
      '--insecure-options=image',
      write(rkt, { apps: [{ name: 'one', image: version2 }] }),
    );
    assert.equal(without.status, 65);
    assert.match(without.stderr, /no app section in the pod manifest or the image manifest\n$/);
  });

  test('a manifest comes through a pipe, and each app has its own of everything', (t) => {
    const rkt = makeRkt(t);
    const id = storedId(rkt);
    const of = (word: string) => ({ user: '0', group: '0', exec: ['/bin/sh', '-c', `echo ${word} >/shared/${word}`] });
    const mounts = [{ volume: 'shared', path: '/shared' }];
    const apps = ['one', 'two'].map((name) => ({ name, image: { id }, app: of(name), mounts }));
    const file = write(rkt, { apps, volumes: [{ name: 'shared', kind: 'empty' }] }).replace('--pod-manifest=', '');
    const command = `cat ${file} | ${join(bin, 'rkt')} --dir=${rkt.dir} run --insecure-options=image --uuid-file-save=${rkt.dir}/uuid --pod-manifest=/dev/stdin`;
    execFileSync('sh', ['-c', command]);
    const uuid = readFileSync(join(rkt.dir, 'uuid'), 'utf8');
    assert.deepEqual(readdirSync(join(rkt.dir, 'pods', 'run', uuid, 'volumes', 'shared')), ['one', 'two']);
  });

  test('what users note of a pod and its apps is shown', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const words = ['--user-label=of=pod', image, '--user-label=of=app', '--user-annotation=a=b', '--', 'true'];
    const uuid = rkt.ok('prepare', '--quiet', '--insecure-options=image', ...words);
    const pod = JSON.parse(rkt.run('status', '--format=json', uuid).stdout);
    assert.deepEqual([pod.user_labels, pod.user_annotations], [{ of: 'pod' }, {}]);
    assert.deepEqual([pod.apps[0].user_labels, pod.apps[0].user_annotations], [{ of: 'app' }, { a: 'b' }]);
  });

  test('an image that is in no store is not fetched for a manifest', (t) => {
    const rkt = makeRkt(t);
    storedId(rkt);
    const manifest = write(rkt, { apps: [{ name: 'one', image: { id: 'sha512-00112233' } }] });
    const { status, stderr } = rkt.run('run', '--insecure-options=image', manifest);
    assert.equal(status, 66);
    assert.match(stderr, /^rkt-prepare: cannot find image "sha512-00112233": [^\n]*\n$/);
  });

  test('variables come from files, and a file says less than an option', (t) => {
    const rkt = makeRkt(t);
    const file = join(rkt.dir, 'variables');
    writeFileSync(file, '# two\nA=file\nB=file\n');
    const options = [`--set-env-file=${file}`, '--set-env=B=option', rkt.image('busybox'), '--environment=A=app'];
    const run = rkt.run('run', '--insecure-options=image', ...options, '--', 'sh', '-c', 'echo $A $B');
    assert.deepEqual([run.stdout, run.status], ['file option\n', 0], run.stderr);
  });

  test('--ipc decides whose System V queues an app sees', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const spaces = ['auto', 'parent'].map((mode) => {
      return rkt.ok('run', '--insecure-options=image', `--ipc=${mode}`, image, '--', 'readlink', '/proc/self/ns/ipc');
    });
    const ours = readlinkSync('/proc/self/ns/ipc');
    assert.deepEqual([spaces[0] === ours, spaces[1]], [false, ours]);
  });
});

suite('pods from a manifest without root', { skip: skipUsers }, () => {
  test('an app runs as the manifest says, and cannot have the IPC namespace of the host', (t) => {
    const rkt = makeUserRkt(t);
    const body = { ...app, environment: [{ name: 'A', value: 'b' }], exec: ['/bin/sh', '-c', 'id -u; id -g; echo $A'] };
    const manifest = write(rkt, { apps: [{ name: 'one', image: { id: storedId(rkt) }, app: body }] });
    const { status, stdout, stderr } = rkt.run('run', '--insecure-options=image', manifest);
    assert.deepEqual([stdout, status], ['5\n6\nb\n', 0], stderr);
    const parent = rkt.run('prepare', '--insecure-options=image', '--ipc=parent', manifest);
    assert.equal(parent.status, 77);
    assert.match(parent.stderr, /^rkt-prepare: cannot use --ipc=parent: not root: [^\n]+\n$/);
  });
});
