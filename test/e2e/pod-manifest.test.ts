// SPDX-License-Identifier: Apache-2.0
// Pods from a manifest of appc, and what users note of pods.
import assert from 'node:assert/strict';
import { readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { makeRkt, skipPods, type Rkt } from './rkt.ts';

/** The image in the store of a test, by its digest as a pod manifest writes it, cut short. */
function storedId(rkt: Rkt): string {
  rkt.image('busybox');
  return rkt.ok('image', 'list', '--full', '--no-legend', '--fields=id').replace(':', '-').slice(0, 30);
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
