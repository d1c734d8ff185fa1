// SPDX-License-Identifier: Apache-2.0
// Volumes of pods of root: what apps see of them, and what the host sees of what apps do.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { type Entry } from '../images/tar.ts';
import { busyboxLayer, storeImages } from './made.ts';
import { bin, makeRkt, runPod, skipPods, type Result, type Rkt } from './rkt.ts';

const INSECURE = '--insecure-options=image';

/** Runs a script in pods of the image. */
function shellIn(rkt: Rkt, image: string): (options: readonly string[], script: string) => Result {
  return (options, script) => runPod(rkt, image, { options, args: ['sh', '-c', script] });
}

function hostDirectory(rkt: Rkt, name: string): string {
  const path = join(rkt.dir, name);
  mkdirSync(path);
  chmodSync(path, 0o777);
  return path;
}

/** Runs a script of the host in a mount namespace of its own, in which `$rkt` runs a command of rkt on the data directory. */
function inMounts(rkt: Rkt, script: string): Result {
  const preface = `mount --make-rprivate / && cd ${rkt.dir} || exit 99
rkt() { command=$1; shift; ${bin}/rkt-$command --dir=${rkt.dir} "$@"; }`;
  return spawnSync('unshare', ['-m', 'sh', '-c', `${preface}\n${script}`], { encoding: 'utf8', timeout: 60_000 });
}

suite('volumes', { skip: skipPods }, () => {
  test('mounts that lie within each other, in either order of the options', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const outer = hostDirectory(rkt, 'outer');
    writeFileSync(join(outer, 'file'), 'outer\n');
    const volumes = ['--volume', `o,kind=host,source=${outer}`, '--volume', 'i,kind=empty,mode=0777'];
    const mounts = ['--mount=volume=o,target=/a', '--mount=volume=i,target=/a/b/c', '--mount=volume=i,target=/a/file'];
    for (const two of [mounts.slice(0, 2), mounts.slice(0, 2).toReversed()]) {
      const { stdout, stderr } = shellIn(rkt, image)(
        [...volumes, ...two],
        'cat /a/file; echo x >/a/b/c/made; ls /a/b/c',
      );
      assert.equal(stdout, 'outer\nmade\n', stderr);
      assert.deepEqual(readdirSync(join(outer, 'b', 'c')), []);
    }
    // A directory over a file is refused.
    const { status, stderr } = shellIn(rkt, image)([...volumes, mounts[2] ?? '', mounts[0] ?? ''], 'true');
    assert.deepEqual([status, stderr.split('\n').length], [125, 2], stderr);
  });

  test('in a read-only root, volumes of the image and of the user in each other and in what is scratch', (t) => {
    const rkt = makeRkt(t);
    const layer = busyboxLayer({ path: 'data', type: 'directory' }, { path: 'data/kept', content: 'kept\n' });
    const { image = '' } = storeImages(rkt, { image: { layers: [layer], config: { Volumes: { '/data': {} } } } });
    const options = ['--readonly-rootfs', '--volume=v,kind=empty', '--mount=volume=v,target=/data/in', '--mount=volume=v,target=/tmp/in']; // prettier-ignore
    const script =
      'cat /data/kept; for d in /data /data/in /tmp /tmp/in /run /var/tmp; do echo >$d/x && echo $d; done; echo >/x';
    const { stdout, stderr } = shellIn(rkt, image)(options, script);
    assert.equal(stdout, 'kept\n/data\n/data/in\n/tmp\n/tmp/in\n/run\n/var/tmp\n', stderr);
    assert.match(stderr, /can't create \/x: Read-only file system/);
  });

  test('a file on a file, a part of a volume, and mounts that are read-only', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const host = hostDirectory(rkt, 'host');
    mkdirSync(join(host, 'sub'), { mode: 0o777 });
    writeFileSync(join(host, 'sub', 'file'), 'content\n');
    const options = [
      '--volume', `v,kind=host,source=${host}`, '--volume', `f,kind=host,source=${join(host, 'sub', 'file')}`,
      '--mount', 'volume=f,target=/etc/passwd,readOnly=true', '--mount', 'volume=v,target=/sub,subPath=sub,readOnly=true',
      '--mount', 'volume=v,target=/made/file,subPath=sub/file', '--volume', 'e,kind=empty,uid=7,mode=0700',
      '--mount', 'volume=e,target=/e,subPath=a/b', '--mnt-volume', 'name=m,kind=empty,mode=0711,target=/m',
    ]; // prettier-ignore
    const { stdout, stderr } = shellIn(rkt, image)(options, 'cat /etc/passwd /made/file; ls /sub; touch /sub/x; echo >/etc/passwd; stat -c "%a %u" /e /m'); // prettier-ignore
    assert.equal(stdout, 'content\ncontent\nfile\n755 7\n711 0\n');
    assert.equal(stderr.match(/Read-only file system/g)?.length, 2, stderr);
    const missing = shellIn(rkt, image)(['--volume', `v,kind=host,source=${host}`, '--mount=volume=v,target=/s,subPath=no'], ''); // prettier-ignore
    assert.equal(missing.status, 66, missing.stderr);
  });

  test('a link in a volume leads a part of it to nothing of the host', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const host = hostDirectory(rkt, 'host');
    const secret = hostDirectory(rkt, 'secret');
    writeFileSync(join(secret, 'key'), 'secret\n');
    for (const target of [secret, '../secret']) {
      symlinkSync(target, join(host, 'link'));
      const options = ['--volume', `v,kind=host,source=${host}`, '--mount', 'volume=v,target=/s,subPath=link'];
      const { status, stdout, stderr } = shellIn(rkt, image)(options, 'ls /s');
      assert.deepEqual([status, stdout], [125, ''], stderr);
      execFileSync('rm', [join(host, 'link')]);
    }
  });

  test('links in an image lead no volume over what the kernel shows, nor what hides parts of it', (t) => {
    const rkt = makeRkt(t);
    const host = hostDirectory(rkt, 'host');
    // What an app of an earlier pod may leave behind: a null device that is something else.
    symlinkSync('/proc/sys/kernel/core_pattern', join(host, 'null'));
    for (const name of ['kallsyms', 'keys', 'sys']) writeFileSync(join(host, name), 'fake\n');
    const places = ['/proc', '/dev', '/sys', '/dev/pts', '/proc/sys', '/proc/self', '/', '/dev/shm'];
    const made = places.map((target, index) => {
      const entry: Entry = { path: 'v', type: 'symlink', target };
      return [`i${index}`, { layers: [busyboxLayer(entry)], config: {} }] as const;
    });
    const references = storeImages(rkt, Object.fromEntries(made));
    const script = 'stat -f -c %T /proc; cat /proc/kallsyms /proc/keys; test -c /dev/null && echo real; test -e /proc/fake || ls /proc/self/status'; // prettier-ignore
    for (const insecure of ['', ',userns'])
      for (const [name, image] of Object.entries(references)) {
        const options = [`--insecure-options=image${insecure}`, '--volume', `v,kind=host,source=${host}`, '--mount=volume=v,target=/v']; // prettier-ignore
        const { status, stdout, stderr } = shellIn(rkt, image)(options, script);
        const place = places[Number(name.slice(1))] ?? '';
        // Where a link leads is covered, or it leads to nothing that is there yet.
        const seen = ['/proc', '/dev', '/sys', '/'].includes(place)
          ? [0, 'proc\nreal\n/proc/self/status\n']
          : [125, ''];
        assert.deepEqual([status, stdout], seen, place + stderr);
      }
    assert.deepEqual(readdirSync(host).toSorted(), ['kallsyms', 'keys', 'null', 'sys']);
  });

  test('links that an earlier pod left in a volume lead no other volume out of the root, nor over what the kernel shows', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const canary = hostDirectory(rkt, 'canary');
    const shared = hostDirectory(rkt, 'shared');
    const volume = ['--volume', `s,kind=host,source=${shared}`, '--mount', 'volume=s,target=/s'];
    // All of these are of the root of the app; magic links are followed nowhere.
    const places: Readonly<Record<string, number>> = {
      '/proc': 0, '/proc/self/root': 125, '/proc/self/fd/3': 125, '/proc/1/root': 125, '/sys': 0, '/dev': 0, '/dev/pts': 125, '/dev/null': 125,
      '/etc': 0, '../../..': 0, '/': 0, [canary]: 125, [`../../../..${canary}`]: 125, '/s/link': 125, '/etc/hostname': 125,
    }; // prettier-ignore
    for (const [place, expected] of Object.entries(places)) {
      const left = shellIn(rkt, image)(volume, `rm -f /s/link; ln -s ${place} /s/link`);
      assert.equal(left.status, 0, left.stderr);
      const options = [...volume, '--volume=e,kind=empty,mode=0777', '--mount=volume=e,target=/s/link'];
      const script = 'stat -f -c %T /proc; test -c /dev/null && ls -d /proc/self/status; touch /s/link/file';
      const { status, stdout, stderr } = shellIn(rkt, image)(options, script);
      assert.equal(status === 1 ? 0 : status, expected, place + stderr);
      assert.equal(stdout, expected === 0 ? 'proc\n/proc/self/status\n' : '', place + stderr);
      assert.deepEqual(readdirSync(canary), [], place);
    }
  });

  test('in memory: limited, shared by the apps of the pod, and not seen by the host', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const volume = ['--volume', 'm,kind=tmpfs,size=1Mi,mode=0750,uid=3,gid=4'];
    const mount = '--mount=volume=m,target=/m';
    const write = 'stat -c "%a %u %g" /m; dd if=/dev/zero of=/m/big bs=1M count=2 2>/dev/null || touch /m/done';
    const read = 'until [ -e /m/done ]; do sleep 0.1; done; echo full';
    const { stdout, stderr } = rkt.run('run', INSECURE, ...volume, image, '--name=a', mount, '--', 'sh', '-c', write, '---',
      image, '--name=b', mount, '--', 'sh', '-c', read); // prettier-ignore
    assert.deepEqual(stdout.split('\n').filter((line) => line !== '').toSorted(), ['750 3 4', 'full'], stderr); // prettier-ignore
    assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(rkt.dir));
  });

  test('an image: its files with whiteouts, read-only, also a directory of it, and verified as those of apps', (t) => {
    const rkt = makeRkt(t);
    const files: readonly Entry[] = [
      { path: 'd', type: 'directory' }, { path: 'd/one', content: 'one\n', uid: 5 }, { path: 'd/two', content: 'two\n' },
      { path: 'out', type: 'symlink', target: rkt.dir },
    ]; // prettier-ignore
    const upper = busyboxLayer({ path: 'd', type: 'directory' }, { path: 'd/.wh.two', content: '' });
    const {
      image = '',
      data = '',
      single = '',
    } = storeImages(rkt, {
      image: { layers: [busyboxLayer()], config: { Cmd: ['true'] } },
      data: { layers: [busyboxLayer(...files), upper], config: {} },
      single: { layers: [busyboxLayer(...files)], config: {} },
    });
    const mounts = [
      '--mount=volume=i,target=/i',
      '--mount=volume=s,target=/s',
      '--mount=volume=i,target=/sub,subPath=d',
    ];
    const volumes = [`--volume=i,kind=image,image=${data}`, `--volume=s,kind=image,image=${single},subPath=d`];
    const script = 'ls /i/d /s /sub; stat -c %u /s/one; touch /i/x /s/x /sub/x; /i/bin/echo executed';
    const { stdout, stderr } = shellIn(rkt, image)([...volumes, ...mounts], script);
    assert.equal(stdout, '/i/d:\none\n\n/s:\none\ntwo\n\n/sub:\none\n5\nexecuted\n', stderr);
    assert.equal(stderr.match(/Read-only file system/g)?.length, 3, stderr);
    for (const subPath of ['out', 'nothing']) {
      const options = [`--volume=i,kind=image,image=${data},subPath=${subPath}`, '--mount=volume=i,target=/i'];
      const refused = shellIn(rkt, image)(options, 'ls /i');
      assert.deepEqual([refused.status, refused.stdout], [125, ''], refused.stderr);
    }
    // Nobody vouches for either image.
    assert.equal(rkt.run('prepare', ...volumes, image).status, 77);
    const absent = rkt.run('prepare', INSECURE, '--volume=i,kind=image,image=docker://registry.example.com/no', image);
    assert.equal(absent.status, 66, absent.stderr);
    const printed = rkt.run('prepare', '--print-images', ...volumes, image);
    assert.deepEqual(printed.stdout.trim().split('\n'), [image, data, single]);
    // The trees of a volume stay as long as its pod.
    const uuid = rkt.ok('prepare', '--quiet', INSECURE, ...volumes, image, ...mounts);
    const before = readdirSync(join(rkt.dir, 'layers'));
    execFileSync('rm', ['-rf', join(rkt.dir, 'store')]);
    rkt.ok('image', 'gc', '--grace-period=0s');
    assert.deepEqual(readdirSync(join(rkt.dir, 'layers')), before);
    assert.equal(rkt.run('run-prepared', uuid).status, 0);
  });

  test('an empty volume where an image has a volume begins with the files of the image', (t) => {
    const rkt = makeRkt(t);
    const layers = [
      busyboxLayer({ path: 'data', type: 'directory', mode: 0o750, uid: 5, gid: 6 }, { path: 'data/one', content: 'one\n', uid: 5 },
        { path: 'data/two', content: 'two\n' }, { path: 'data/out', type: 'symlink', target: rkt.dir }),
      busyboxLayer({ path: 'data/.wh.two', content: '' }),
    ]; // prettier-ignore
    const config = { Volumes: { '/data': {}, '/made': {} } };
    const { image = '', other = '' } = storeImages(rkt, { image: { layers, config }, other: { layers: [busyboxLayer()], config: {} } }); // prettier-ignore
    const volumes = ['--volume=d,kind=empty,mode=0777', '--volume=m,kind=empty'];
    const mounts = ['--mount=volume=d,target=/data', '--mount=volume=m,target=/made'];
    const look = 'ls /data; cat /data/one; stat -c "%a %u %g" /data /data/one; ';
    for (const more of [[], ['--readonly-rootfs'], ['--insecure-options=userns']]) {
      const { stdout, stderr } = shellIn(rkt, image)([...volumes, ...mounts, ...more], `${look} echo x >/made/x; cat /made/x`); // prettier-ignore
      assert.equal(stdout, 'one\nout\none\n750 5 6\n644 5 0\nx\n', stderr);
    }
    const around = ['--volume', `h,kind=host,source=${rkt.dir}`, '--mount', 'volume=h,target=/h'];
    const refused = shellIn(rkt, image)([...volumes, ...mounts, ...around], 'true');
    assert.deepEqual([refused.status, refused.stdout], [64, ''], refused.stderr);
    assert.match(refused.stderr, /^rkt-prepare: cannot use volume "h": [^\n]+ lies in it: wanted recursive=false\n$/);
    // What one app changes, the other sees, wherever it has the volume; not so the root of either.
    const write = `${look} echo changed >/data/one; touch /data/done; until [ -e /data/seen ]; do sleep 0.1; done`;
    const read = 'until [ -e /else/done ]; do sleep 0.1; done; cat /else/one; ls /data; touch /else/seen';
    const { stdout, stderr } = rkt.run('run', INSECURE, ...volumes, image, '--name=a', ...mounts, '--', 'sh', '-c', write, '---',
      other, '--name=b', '--mount=volume=d,target=/else', '--', 'sh', '-c', read); // prettier-ignore
    assert.match(stdout, /^changed$/m, stderr);
    assert.match(stderr, /ls: \/data: No such file/);
    assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(rkt.dir));
    rkt.ok('gc', '--grace-period=0s');
    rkt.ok('gc', '--grace-period=0s');
    assert.deepEqual(readdirSync(join(rkt.dir, 'pods', 'exited-garbage')), []);
  });

  test('propagation: slave gets what the host mounts later, private and shared without need are refused or blind', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    for (const name of ['shared', 'private']) hostDirectory(rkt, name);
    const wait = 'touch /v/ready; i=0; until [ -e /v/later/x ] || [ $i -gt 20 ]; do sleep 0.1; i=$((i+1)); done; ls /v/later'; // prettier-ignore
    const late = (
      more: string,
    ) => `rkt run ${INSECURE} --volume v,kind=host,source=$PWD/shared${more} ${image} --mount volume=v,target=/v -- sh -c '${wait}' &
until [ -e shared/ready ]; do sleep 0.1; done
mount -t tmpfs late shared/later && touch shared/later/x; wait; umount shared/later; rm shared/ready`;
    const { stdout, stderr } = inMounts(rkt, `mount -t tmpfs t shared && chmod 777 shared && mount --make-shared shared && mkdir shared/later
${late(',propagation=slave')}; echo; ${late('')}
rkt run ${INSECURE} --volume v,kind=host,source=$PWD/shared,propagation=shared ${image} --mount volume=v,target=/v -- true; echo $?
rkt run ${INSECURE} --volume v,kind=host,source=$PWD/private,propagation=slave ${image} --mount volume=v,target=/v -- true; echo $?
rkt run ${INSECURE},seccomp --private-users=false --volume v,kind=host,source=$PWD/shared,propagation=shared ${image} \
  --mount volume=v,target=/v --caps-retain=CAP_SYS_ADMIN -- sh -c 'mount -t tmpfs inner /v/later && touch /v/later/inner'
ls shared/later`); // prettier-ignore
    assert.equal(stdout, 'x\n\n64\n64\ninner\n', stderr);
    assert.match(stderr, /propagation=shared: the pod has a user namespace: wanted --private-users=false\n/);
    assert.match(stderr, /propagation=slave: its mount "[^"]+" is not shared: wanted mount --make-shared\n/);
  });

  test('what is mounted below a source: read-only with it unless said otherwise; refused where it cannot have the ids of the pod', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    hostDirectory(rkt, 'host');
    const run = (more: string, script: string) =>
      `rkt run ${INSECURE} --volume v,kind=host,source=$PWD/host${more} ${image} --mount volume=v,target=/v -- sh -c '${script}'; echo $?`;
    const touch = 'touch /v/x 2>&1; touch /v/t/x 2>&1';
    const { stdout, stderr } = inMounts(rkt, `mkdir -m 777 host/t host/p && mount -t tmpfs t host/t && chmod 777 host/t
${run(',readOnly=true', touch)}; ${run(',recursiveReadOnly=true', touch)}; ${run(',readOnly=true,recursiveReadOnly=false', touch)}
${run(',recursive=false', 'ls /v/t')}
mount -t proc proc host/p
${run('', 'true')}; ${run(',recursive=false', 'ls /v/p')}; ${run('/p', 'true')}`); // prettier-ignore
    const readOnly = (path: string) => `touch: ${path}: Read-only file system\n`;
    const both = readOnly('/v/x') + readOnly('/v/t/x');
    assert.equal(stdout, `${both}1\n${both}1\n${readOnly('/v/x')}0\n0\n64\n0\n64\n`, stderr);
    const why = 'cannot give files of volume "v" the user ids of the pod: "[^"]+/host/p" is of type proc: invalid argument: wanted '; // prettier-ignore
    assert.match(stderr, new RegExp(`^rkt-prepare: ${why}recursive=false or --private-users=false\nrkt-prepare: ${why}--private-users=false\n$`)); // prettier-ignore
  });

  test('--private-users: ids of its own or those of the host', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const host = hostDirectory(rkt, 'host');
    const map = (...options: readonly string[]) =>
      shellIn(rkt, image)([...options, '--volume', `v,kind=host,source=${host}`, '--mount=volume=v,target=/v'], 'touch /v/x; cat /proc/self/uid_map').stdout.trim().split(/\s+/)[1]; // prettier-ignore
    assert.notEqual(map(), '0');
    assert.equal(statSync(join(host, 'x')).uid, 0);
    assert.notEqual(map('--private-users'), '0');
    assert.equal(map('--private-users=false'), '0');
  });
});
