// SPDX-License-Identifier: Apache-2.0
// Volumes of pods of a user: as those of root, with what only root of the host can do refused.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { type Entry } from '../images/tar.ts';
import { busyboxLayer, storeImages } from './made.ts';
import { runPod } from './rkt.ts';
import { makeUserRkt, skipUsers, type UserRkt } from './user.ts';

function hostDirectory(rkt: UserRkt): string {
  const path = join(rkt.user.home, 'files');
  mkdirSync(path);
  chmodSync(path, 0o777);
  return path;
}

suite('volumes without root', { skip: skipUsers }, () => {
  test('in memory, of an image, parts of volumes, and mounts in each other', (t) => {
    const rkt = makeUserRkt(t);
    const image = rkt.image('busybox');
    const host = hostDirectory(rkt);
    mkdirSync(join(host, 'sub'));
    writeFileSync(join(host, 'sub', 'file'), 'content\n');
    const options = [
      '--volume', 'm,kind=tmpfs,size=1Mi,mode=0750,uid=3,gid=4', '--mount', 'volume=m,target=/a/m',
      '--volume', `i,kind=image,image=${image},subPath=bin`, '--mount', 'volume=i,target=/a/i', '--mount', 'volume=e,target=/a',
      '--volume', 'e,kind=empty,mode=0755', '--volume', `v,kind=host,source=${host}`, '--mount', 'volume=v,target=/s,subPath=sub,readOnly=true',
      '--mount', 'volume=e,target=/part,subPath=x/y',
    ]; // prettier-ignore
    const script = 'stat -c "%a %u %g" /a/m /part; cat /s/file; /a/i/echo executed; touch /s/x; touch /a/i/x; dd if=/dev/zero of=/a/m/x bs=1M count=2 2>/dev/null || echo full'; // prettier-ignore
    const { stdout, stderr } = runPod(rkt, image, { options, args: ['sh', '-c', script] });
    assert.equal(stdout, '750 3 4\n755 0 0\ncontent\nexecuted\nfull\n', stderr);
    assert.equal(stderr.match(/Read-only file system/g)?.length, 2, stderr);
    assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(rkt.dir));
  });

  test('an empty volume where an image has a volume begins with the files of the image', (t) => {
    const rkt = makeUserRkt(t);
    const data: readonly Entry[] = [
      { path: 'data', type: 'directory', mode: 0o750, uid: 5, gid: 6 },
      { path: 'data/one', content: 'one\n', uid: 7 },
    ];
    const layers = [busyboxLayer(), busyboxLayer(...data)];
    const { image = '' } = storeImages(rkt, { image: { layers, config: { Volumes: { '/data': {} } } } });
    const options = ['--volume=d,kind=empty', '--mount=volume=d,target=/data'];
    const script =
      'cat /data/one; stat -c "%a %u %g" /data /data/one; echo new >/data/one && cat /data/one; touch /data/x && ls /data';
    const { stdout, stderr } = runPod(rkt, image, { options, args: ['sh', '-c', script] });
    assert.equal(stdout, 'one\n750 5 6\n644 7 0\nnew\none\nx\n', stderr);
  });

  test('a link in a volume leads a part of it to nothing of the host', (t) => {
    const rkt = makeUserRkt(t);
    const image = rkt.image('busybox');
    const host = hostDirectory(rkt);
    symlinkSync('/etc', join(host, 'link'));
    const options = ['--volume', `v,kind=host,source=${host}`, '--mount', 'volume=v,target=/s,subPath=link'];
    const { status, stdout, stderr } = runPod(rkt, image, { options, args: ['ls', '/s'] });
    assert.deepEqual([status, stdout], [125, ''], stderr);
  });

  test('propagation to the host, and leaving out what is mounted below, are refused in one line', (t) => {
    const rkt = makeUserRkt(t);
    const image = rkt.image('busybox');
    const volume = `v,kind=host,source=${hostDirectory(rkt)},propagation=shared`;
    const { status, stderr } = rkt.run('prepare', '--insecure-options=image', '--volume', volume, image);
    assert.equal(status, 64);
    assert.match(stderr, /^rkt-prepare: cannot use volume "v" with propagation=shared: without root [^\n]+\n$/);
    const parts = rkt.run(
      'prepare',
      '--insecure-options=image',
      '--volume=v,kind=host,source=/,recursive=false',
      image,
    );
    assert.equal(parts.status, 64);
    assert.match(
      parts.stderr,
      /^rkt-prepare: cannot use volume "v": without root "\/[^\n]+ cannot be left out: [^\n]+\n$/,
    );
  });
});
