// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mountsOf, parseMntVolume, parseMount } from '../src/app-mounts.ts';
import { parseArguments } from '../src/arguments.ts';
import { askedVolumes, imagesOfVolumes } from '../src/asked-volumes.ts';
import { mountOf, mountsUnder, parseHostMounts } from '../src/host-mounts.ts';
import { fillVolumes } from '../src/filled-volumes.ts';
import { insecureOptionsOf } from '../src/insecure.ts';
import { volumeMount } from '../src/volume-mounts.ts';
import { parseVolumes } from '../src/volumes.ts';
import { parsePod } from '@rkt/formats';
import { parseDigest } from '@rkt/names';

const IMAGE = 'docker://a/b';

test('parseVolumes() reads each kind and refuses what does not fit it', () => {
  const [host, empty, tmpfs, image] = parseVolumes(['a,kind=host,source=/usr/,readOnly=true', 'b,kind=empty,mode=0700,uid=1',
    'c,kind=tmpfs,size=1Mi', 'd,kind=image,image=docker://x/y,subPath=./a//b/']); // prettier-ignore
  assert.deepEqual(host, { kind: 'host', name: 'a', source: '/usr/', isFile: false, readOnly: true, recursive: true });
  assert.deepEqual(empty, { kind: 'empty', name: 'b', readOnly: false, mode: 0o700, uid: 1, gid: 0 });
  assert.deepEqual(tmpfs, {
    kind: 'tmpfs',
    name: 'c',
    readOnly: false,
    mode: 0o1777,
    uid: 0,
    gid: 0,
    sizeBytes: 2 ** 20,
  });
  assert.deepEqual(image, { kind: 'image', name: 'd', readOnly: true, reference: 'docker://x/y', subPath: 'a/b' });
  const wrong = ['a', 'a,kind=x', 'a,kind=host', 'a,kind=host,source=rel', 'a,kind=empty,source=/', 'A,kind=empty', 'a,kind=empty,mode=9',
    'a,kind=empty,uid=-1', 'a,kind=empty,colour=red', 'a,kind=empty,kind=host', 'a,kind=host,source=/usr,uid=1', 'a,kind=empty,readOnly=yes',
    'a,kind=tmpfs', 'a,kind=tmpfs,size=1', 'a,kind=tmpfs,size=1Mi,source=/', 'a,kind=image', 'a,kind=image,image=x,subPath=../y',
    'a,kind=image,image=x,subPath=/y', 'a,kind=image,image=x,readOnly=false', 'a,kind=host,source=/usr,propagation=x',
    'a,kind=host,source=/usr,readOnly=false,recursiveReadOnly=true', 'a,kind=host,source=/usr,recursive=false,recursiveReadOnly=true']; // prettier-ignore
  for (const text of wrong) assert.throws(() => parseVolumes([text]), { status: 64 }, text);
  assert.throws(() => parseVolumes(['a,kind=empty', 'a,kind=empty']), /duplicate volume name/);
  assert.throws(() => parseVolumes(['a,kind=host,source=/does/not/exist']), { status: 66 });
});

test('parseMount() refuses unknown volumes and targets that protections stand on', () => {
  const volumes = parseVolumes(['a,kind=empty', 'm,kind=tmpfs,size=1M', 'u,kind=host,source=/usr']);
  assert.deepEqual(parseMount('volume=a,target=/x/../y/', volumes), { volume: 'a', target: '/y', readOnly: false });
  assert.equal(parseMount('volume=a,target=/x,readOnly=true', volumes).readOnly, true);
  assert.deepEqual(parseMount('volume=u,target=/x,subPath=bin/env', volumes), { volume: 'u', target: '/x', readOnly: false, subPath: 'bin/env', isFile: true }); // prettier-ignore
  for (const target of ['/dev/shm', '/dev/termination-log', '/device', '/system'])
    assert.equal(parseMount(`volume=a,target=${target}`, volumes).target, target);
  for (const text of [
    'volume=b,target=/x',
    'volume=a',
    'volume=a,target=x',
    'volume=a,target=/',
    'volume=a,target=/proc',
    'volume=a,target=/x/../sys/fs',
    'volume=a,target=/dev/null',
    'volume=a,target=/dev/ptmx',
    'volume=a,target=/dev/shm/x',
    'volume=a,target=/dev',
    'volume=a,target=/x,y=z',
    'volume=a,target=/x,subPath=../y',
    'volume=m,target=/x,subPath=y',
  ])
    // prettier-ignore
    assert.throws(() => parseMount(text, volumes), { status: 64 }, text);
  assert.throws(() => parseMount('volume=u,target=/x,subPath=nothing', volumes), { status: 66 });
});

test('a volume that is read-only stays so, whatever a mount says', () => {
  const volumes = parseVolumes(['a,kind=empty,readOnly=true']);
  assert.equal(parseMount('volume=a,target=/x,readOnly=false', volumes).readOnly, true);
});

test('parseMntVolume() is a volume and its mount in one', () => {
  const { volume, mount } = parseMntVolume('name=x,kind=host,source=/usr,readOnly=true,target=/t');
  assert.deepEqual([volume.name, volume.kind, mount], ['x', 'host', { volume: 'x', target: '/t', readOnly: true }]);
  for (const text of [
    'kind=empty,target=/t',
    'name=x,kind=empty',
    'name=x,target=/t',
    'name=x,kind=empty,target=/proc',
  ])
    assert.throws(() => parseMntVolume(text), { status: 64 }, text);
});

test('askedVolumes() has those of --mnt-volume too, and mountsOf() mounts them in their app alone', () => {
  const given = parseArguments(['--volume=a,kind=image,image=oci:x', IMAGE, '--mnt-volume=name=b,kind=image,image=oci:x,target=/b', 'oci:y']); // prettier-ignore
  const volumes = askedVolumes(given);
  assert.deepEqual(volumes.map(({ name }) => name), ['a', 'b']); // prettier-ignore
  assert.deepEqual(imagesOfVolumes(volumes), [{ image: 'oci:x' }]);
  const targets = given.images.map((said) => mountsOf(given.mounts, said, volumes).map(({ target }) => target));
  assert.deepEqual(targets, [['/b'], []]);
  const twice = parseArguments(['--volume=a,kind=empty', IMAGE, '--mnt-volume=name=a,kind=empty,target=/b']);
  assert.throws(() => askedVolumes(twice), /duplicate volume name/);
});

function optionsOf(volume: string, mount = ''): readonly string[] {
  const volumes = parseVolumes([`v,kind=${volume}`]).flatMap((each) => (each.kind === 'image' ? [] : [each]));
  const pod = { volumes, owner: undefined, userNamespace: { first: 1 << 28, count: 65536 } };
  return volumeMount({ pod, podPath: '/p', name: 'app' }, parseMount(`volume=v,target=/t${mount}`, volumes)).options;
}

test('volumeMount() is read-only with what is mounted below, unless that is switched off', () => {
  assert.ok(optionsOf('host,source=/usr,readOnly=true').includes('rro'));
  assert.ok(optionsOf('host,source=/usr', ',readOnly=true').includes('rro'));
  assert.ok(optionsOf('host,source=/usr,recursiveReadOnly=true').includes('rro'));
  for (const more of ['readOnly=true,recursiveReadOnly=false', 'readOnly=true,recursive=false'])
    assert.deepEqual(optionsOf(`host,source=/usr,${more}`).filter((option) => option.endsWith('ro')), ['ro']); // prettier-ignore
});

test('volumeMount() maps files of the host and of the pod, and none that are made with the ids of the pod', () => {
  assert.ok(optionsOf('host,source=/usr').includes('ridmap'));
  assert.ok(optionsOf('empty').includes('idmap'));
  assert.ok(!optionsOf('tmpfs,size=1M').some((option) => option.endsWith('idmap')));
  assert.ok(optionsOf('host,source=/usr,propagation=slave').includes('rslave'));
});

test('mountOf() finds the mount that is seen at a path', () => {
  const mounts = parseHostMounts(
    [
      '1 0 8:1 / / rw - ext4 /dev/a rw',
      '2 1 0:1 / /a\\040b rw shared:5 - tmpfs t rw',
      '3 1 0:2 / /a\\040b rw master:5 - proc t rw',
    ].join('\n'),
  );
  assert.deepEqual(mountOf(mounts, '/a b/c'), { point: '/a b', type: 'proc', isShared: false, isSlave: true });
  assert.equal(mountOf(mounts, '/a bc')?.type, 'ext4');
  assert.deepEqual(mountsUnder(mounts, '/').map(({ type }) => type), ['tmpfs', 'proc']); // prettier-ignore
  assert.equal(mounts[1]?.isShared, true);
});

test('--private-users=false is --insecure-options=userns', () => {
  const of = (...argv: readonly string[]) => [...insecureOptionsOf(parseArguments([...argv, IMAGE]).pod)];
  assert.deepEqual(of(), []);
  assert.deepEqual(of('--private-users'), []);
  assert.deepEqual(of('--private-users=false'), ['userns']);
  assert.deepEqual(of('--private-users=false', '--insecure-options=image'), ['image', 'userns']);
});

test('parsePod() takes manifests of pods that have no fields of later kinds of volumes', () => {
  const text = JSON.stringify({
    version: 1, uuid: '11111111-1111-4111-8111-111111111111', created: 0, hostname: 'h', network: 'none', insecureOptions: [], apps: [],
    userNamespace: { unavailable: 'x' }, volumes: [{ kind: 'host', name: 'a', source: '/', isFile: false, readOnly: true, recursive: true }],
  }); // prettier-ignore
  assert.equal(parsePod(text, 'x').volumes.length, 1);
});

test('fillVolumes() fills an empty volume from the first image that has a volume where it is mounted', () => {
  const digest = parseDigest(`sha256:${'a'.repeat(64)}`);
  const image = (path: string) => ({
    config: { config: { Volumes: { [path]: {} } } },
    chain: [digest],
  });
  const mount = (target: string, more = {}) => ({ volume: 'v', target, readOnly: false, ...more });
  const volumes = parseVolumes(['v,kind=empty', 'w,kind=empty']).flatMap((each) =>
    each.kind === 'image' ? [] : [each],
  );
  const filled = (...apps: Parameters<typeof fillVolumes>[1]) => {
    return fillVolumes(volumes, apps).map((each) => (each.kind === 'empty' ? each.filled?.path : ''));
  };
  const other = { mounts: [mount('/other')], image: image('/x') };
  assert.deepEqual(filled(other), [undefined, undefined]);
  assert.deepEqual(filled(other, { mounts: [mount('/x')], image: image('/x/') }), ['/x', undefined]);
  assert.deepEqual(filled({ mounts: [mount('/x', { subPath: 'a' })], image: image('/x') }), [undefined, undefined]);
  assert.deepEqual(filled({ mounts: [mount('/')], image: image('/') }), [undefined, undefined]);
});
