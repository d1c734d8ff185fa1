// SPDX-License-Identifier: Apache-2.0
// Known attacks on container engines through a whole pod, and what answers them.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { tar } from '../images/tar.ts';
import { busyboxLayer, storeImages } from './made.ts';
import { bin, makeRkt, runPod, skipPods, startPod, type Rkt } from './rkt.ts';

/** A program of test/e2e/, built without shared libraries. */
function build(rkt: Rkt, name: string): Buffer {
  const program = join(rkt.dir, name);
  const source = join(import.meta.dirname, `${name}.c`);
  execFileSync('cc', ['-static', '-O1', '-Wall', '-Wextra', '-Werror', '-o', program, source]);
  return readFileSync(program);
}

const INSECURE = '--insecure-options=image';

suite('attacks', { skip: skipPods }, () => {
  test('device nodes and pipes of an image: no device gets in, and nothing waits for a pipe', async (t) => {
    const rkt = makeRkt(t);
    const pipes = ['etc/passwd', 'etc/group', 'etc/hosts', 'etc/hostname', 'pipe'];
    const layer = busyboxLayer(
      { path: 'sda', type: 'block', device: { major: 254, minor: 0 } },
      { path: 'mem', type: 'char', device: { major: 1, minor: 1 } },
      { path: 'etc', type: 'directory' },
      ...pipes.map((path) => ({ path, type: 'fifo' as const, mode: 0o666 })),
    );
    const { image = '' } = storeImages(rkt, { image: { layers: [layer], config: { User: '0:0', Cmd: ['sleep', '1000'] } } }); // prettier-ignore
    const uuid = rkt.run('prepare', INSECURE, image);
    assert.equal(uuid.status, 0, uuid.stderr);
    assert.match(uuid.stderr, /left out a block device\n[\s\S]*left out a character device\n/);
    const pod = await startPod(rkt, image, { args: [] });
    assert.equal(rkt.run('enter', pod.uuid, 'ls', '/sda', '/mem').stdout, '');
    assert.equal(rkt.ok('enter', pod.uuid, 'stat', '-c', '%F', '/pipe'), 'fifo');
    for (const command of [
      ['status', pod.uuid],
      ['list'],
      ['cat-plan', pod.uuid],
      ['image', 'render', image, join(rkt.dir, 'out')],
    ]) {
      // prettier-ignore
      assert.equal(rkt.run(command[0] ?? '', ...command.slice(1)).status, 0, command.join(' '));
    }
    pod.child.kill('SIGKILL');
    await pod.ended;
  });

  test('set-user-id files and file capabilities of an image give nothing, and nobody reaches them on the host', (t) => {
    const rkt = makeRkt(t);
    // VFS_CAP_REVISION_2 and effective, with every capability permitted.
    const all = Buffer.from([1, 0, 0, 2, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 1, 0, 0, 0, 0, 0, 0]);
    const busybox = readFileSync(spawnSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).stdout.trim());
    const layer = busyboxLayer(
      { path: 'suid/busybox', mode: 0o6755, content: busybox },
      { path: 'caps/busybox', mode: 0o755, content: busybox, xattrs: { 'security.capability': all } },
    );
    const config = {
      User: '1000:1000',
      Cmd: ['sh', '-c', '/suid/busybox id; /caps/busybox grep CapEff /proc/self/status'],
    };
    const { image = '' } = storeImages(rkt, { image: { layers: [layer], config } });
    for (const options of [INSECURE, `${INSECURE},userns`]) {
      assert.equal(rkt.run('run', options, image).stdout, 'uid=1000 gid=1000\nCapEff:\t0000000000000000\n', options);
    }
    const found = (user: readonly string[]) =>
      spawnSync(user[0] ?? '', [...user.slice(1), 'find', rkt.dir, '-name', 'busybox', '-perm', '/6000'], { encoding: 'utf8' }).stdout; // prettier-ignore
    assert.match(found(['env']), /layers\/[0-9a-f]{64}\/tree\/suid\/busybox\n/);
    assert.equal(found(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']), '');
    for (const path of ['pods', 'layers', 'ranges']) assert.equal(statSync(join(rkt.dir, path)).mode & 0o77, 0, path);
  });

  for (const [name, compress, suffix] of [
    ['gzip', gzipSync, 'gzip'],
    ['zstd', zstdCompressSync, 'zstd'],
  ] as const)
    // prettier-ignore
    test(`a ${name} bomb is refused early, in little memory, and leaves nothing`, (t) => {
      const rkt = makeRkt(t);
      const image = bomb(rkt, compress, suffix);
      // The largest process of all that rkt-prepare waits for.
      const script =
        'import resource,subprocess,sys; r=subprocess.run(sys.argv[1:],capture_output=True,text=True); print(r.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, r.stderr, end="")';
      const words = [join(bin, 'rkt-prepare'), `--dir=${rkt.dir}`, INSECURE, image];
      const said = execFileSync('python3', ['-c', script, ...words], { encoding: 'utf8', timeout: 60_000 });
      const [, status, kilobytes, message = ''] = /^(\d+) (\d+) ([\s\S]*)$/.exec(said) ?? [];
      assert.equal(status, '65', said);
      assert.match(message, /^rkt-prepare: cannot unpack layer "sha256:[0-9a-f]{64}": [^\n]+\n$/);
      assert.ok(Number(kilobytes) < 200_000, `${String(kilobytes)} kB`);
      assert.deepEqual(readdirSync(join(rkt.dir, 'layers')), []);
    });

  test('a layer that is a file system is refused, and not mounted', (t) => {
    const rkt = makeRkt(t);
    const types = [
      'application/vnd.erofs.layer.v1',
      'application/vnd.oci.image.layer.v1.squashfs',
      'application/octet-stream',
    ];
    for (const mediaType of types) {
      const { status, stderr } = rkt.run('prepare', INSECURE, layout(rkt, { mediaType, blob: Buffer.from('erofs') }));
      assert.equal(status, 65, stderr);
      assert.match(stderr, /^rkt-prepare: cannot [^\n]*media type[^\n]*\n$/);
    }
  });

  test('directories of a shared volume that change places with links while pods start', async (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const shared = join(rkt.dir, 'shared');
    mkdirSync(join(shared, 'a', 'deep'), { recursive: true });
    const canary = join(rkt.dir, 'canary');
    mkdirSync(join(canary, 'deep'), { recursive: true });
    const racer = spawn('python3', ['-c', RACER, shared, canary], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => racer.kill('SIGKILL'));
    await new Promise((resolve) => racer.stdout.once('data', resolve));
    const options = [
      '--volume', `s,kind=host,source=${shared}`, '--mount', 'volume=s,target=/s',
      '--volume', 'e,kind=empty,mode=0777', '--mount', 'volume=e,target=/s/a/deep/er',
    ]; // prettier-ignore
    for (let round = 0; round < 40; round++) {
      const { status, stderr } = runPod(rkt, image, { options, args: ['touch', '/s/a/deep/er/file'] });
      // Where the link leads is a place of the root of the pod, if it is there at all.
      assert.ok(status === 0 || status === 1 || (status === 125 && /^stage1: [^\n]*\n$/.test(stderr)), stderr);
    }
    racer.kill('SIGKILL');
    assert.deepEqual(readdirSync(join(canary, 'deep')), []);
    assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(rkt.dir));
  });

  test('pid 1 and processes that enter show nothing of themselves, also without a filter', async (t) => {
    const rkt = makeRkt(t);
    const { image = '' } = storeImages(rkt, { image: { layers: [busyboxLayer()], config: { Cmd: ['sleep', '1000'] } } }); // prettier-ignore
    for (const insecure of ['image,seccomp', 'image,seccomp,userns']) {
      const options = [`--insecure-options=${insecure}`];
      const pod = await startPod(rkt, image, { options, args: [] });
      const files = ['environ', 'mem', 'maps', 'auxv', 'stack', 'io', 'fd/3', 'root/etc', 'cwd/etc', 'exe', 'ns/mnt'];
      const script = `cd /proc/1; for f in ${files.join(' ')}; do /bin/busybox head -c 1 $f >/dev/null 2>&1 && echo $f; readlink $f; done; for d in root cwd; do ls $d/; done`;
      assert.equal(rkt.run('enter', pod.uuid, 'sh', '-c', script).stdout, '', insecure);
      pod.child.kill('SIGKILL');
      await pod.ended;
    }
  });

  test('cgroups: none in sight, and none can be mounted, whatever the app may do', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const script =
      'grep -c "^cgroup" /proc/mounts; mkdir /c; for t in cgroup2 "cgroup -o rdma" "cgroup -o memory" "tmpfs"; do mount -t $t none /c 2>/dev/null && echo mounted $t; done; ls /sys/fs/cgroup';
    for (const options of [[], ['--caps-retain=CAP_SYS_ADMIN', `${INSECURE},seccomp`]]) {
      assert.equal(runPod(rkt, image, { options, args: ['sh', '-c', script] }).stdout, '0\n', options.join(' '));
    }
  });

  test('kernel parameters: those of the host stay, whatever the network, and none is the pod’s to write', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const paths = [
      'net/ipv4/ping_group_range', 'net/ipv4/ip_unprivileged_port_start', 'net/ipv4/ip_forward', 'kernel/core_pattern',
      'kernel/hostname', 'kernel/shmmax', 'fs/mqueue/msg_max', 'vm/overcommit_memory', 'kernel/modprobe',
    ]; // prettier-ignore
    const look = () => paths.map((path) => (existsSync(`/proc/sys/${path}`) ? readFileSync(`/proc/sys/${path}`, 'utf8') : '')); // prettier-ignore
    const before = look();
    const script = `for p in ${paths.join(' ')}; do cat /proc/sys/$p >/tmp/v 2>/dev/null && cat /tmp/v >/proc/sys/$p && echo wrote $p; done 2>/dev/null; echo done`;
    for (const options of [[], ['--net=host'], [`${INSECURE},userns`, '--net=host']]) {
      assert.equal(runPod(rkt, image, { options, args: ['sh', '-c', script] }).stdout, 'done\n', options.join(' '));
      assert.deepEqual(look(), before, options.join(' '));
    }
  });

  test('programs and libraries of an image run in its pod only', (t) => {
    const rkt = makeRkt(t);
    const mark = join(rkt.dir, 'mark');
    const evil = `#!/bin/sh\necho evil >${mark}; echo evil\n`;
    const names = ['xz', 'gzip', 'zstd', 'tar', 'mount', 'nsenter', 'node', 'cp', 'skopeo'];
    const layer = busyboxLayer(
      ...names.map((name) => ({ path: `usr/bin/${name}`, mode: 0o755, content: evil })),
      { path: 'etc/ld.so.preload', content: '/evil.so\n' },
      { path: 'etc/nsswitch.conf', content: 'passwd: evil\n' },
      { path: '.nspawn', content: '[Files]\nBind=/\n' },
    );
    const { image = '' } = storeImages(rkt, { image: { layers: [layer], config: { User: 'root', Cmd: ['true'] } } });
    assert.equal(rkt.run('run', INSECURE, image).status, 0);
    rkt.ok('image', 'render', image, join(rkt.dir, 'out'));
    rkt.ok('gc', '--grace-period=0s');
    assert.equal(existsSync(mark), false);
  });

  test('a flood of output is passed on in little memory', async (t) => {
    const rkt = makeRkt(t);
    const uuid = rkt.ok('prepare', '--quiet', INSECURE, rkt.image('busybox'), '--', 'sh', '-c', 'dd if=/dev/zero bs=1M count=300 2>/dev/null; exec sleep 1000 >/dev/null'); // prettier-ignore
    const child = spawn(join(bin, 'rkt-run-prepared'), [`--dir=${rkt.dir}`, uuid], { stdio: ['ignore', 'pipe', 'inherit'] }); // prettier-ignore
    t.after(() => child.kill('SIGKILL'));
    let bytes = 0;
    for await (const chunk of child.stdout) {
      bytes += Buffer.from(chunk).byteLength;
      if (bytes === 300 << 20) break;
    }
    assert.equal(bytes, 300 << 20);
    const status = readFileSync(join(rkt.dir, 'pods', 'run', uuid, 'status'), 'utf8');
    const [, ...pids] = /^started (\d+) (\d+) /m.exec(status) ?? [];
    for (const pid of pids) {
      const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
      assert.ok(Number(peak) < 2000, `${String(peak)} kB`);
    }
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
  });

  test('names of a pod cannot smuggle lines into its files', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    for (const name of [
      'a\n1.2.3.4 bank.example',
      'a b',
      'a/../b',
      '-a',
      'a\u0000b',
      '.',
      'x'.repeat(65),
      'a\u001b[2J',
    ]) {
      const { status, stderr } = spawnSync(join(bin, 'rkt-prepare'), [`--dir=${rkt.dir}`, INSECURE, `--hostname=${name.replace('\u0000', '\\0')}`, image], { encoding: 'utf8' }); // prettier-ignore
      assert.equal(status, 64, JSON.stringify(name) + stderr);
      assert.match(stderr, /^[^\u0000-\u001f]+\n$/);
    }
    const { stdout } = runPod(rkt, image, { options: ['--hostname=good.example'], args: ['sh', '-c', 'cat /etc/hosts /etc/hostname; hostname'] }); // prettier-ignore
    assert.match(stdout, /^127\.0\.0\.1[ \t]+[^\n]*good\.example[^\n]*\n[\s\S]*\ngood\.example\ngood\.example\n$/);
  });

  test('system calls that lead out of a sandbox are refused, for root and others, in run and enter', async (t) => {
    const rkt = makeRkt(t);
    const layer = busyboxLayer({ path: 'refused', mode: 0o755, content: build(rkt, 'refused') });
    const { image = '' } = storeImages(rkt, { image: { layers: [layer], config: { Cmd: ['sleep', '1000'] } } });
    for (const options of [[], ['--user=1000:1000'], ['--net=host'], [`${INSECURE},userns`]]) {
      const { stdout, stderr } = runPod(rkt, image, { options, args: ['/refused'] });
      assert.equal(stdout, 'done\n', `${options.join(' ')} ${stderr}`);
    }
    // The probe finds something where nothing filters.
    const open = runPod(rkt, image, { options: [`${INSECURE},seccomp`], args: ['/refused'] }).stdout.split('\n');
    for (const name of ['unshare user', 'io_uring_setup', 'keyctl', 'socket netfilter']) assert.ok(open.includes(name), name); // prettier-ignore
    const pod = await startPod(rkt, image, { args: [] });
    assert.equal(rkt.ok('enter', pod.uuid, '/refused'), 'done');
    pod.child.kill('SIGKILL');
    await pod.ended;
  });
});

// Lets a directory and a link to a place of the host change places, as fast as it can.
const RACER = `
import ctypes, os, sys
libc = ctypes.CDLL(None)
shared, canary = sys.argv[1:]
os.chdir(shared)
os.symlink('../' * 12 + canary[1:], 'b')
print('ready', flush=True)
while True:
    libc.renameat2(-100, b'a', -100, b'b', 2)
`;

/** An image whose only layer is ten gigabytes of zeros, in one file. */
function bomb(rkt: Rkt, compress: (bytes: Buffer) => Buffer, suffix: string): string {
  const [file] = [tar([{ path: 'zeros', content: '' }]).subarray(0, 512)];
  const size = 160 * (64 << 20);
  file.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  file.write('        ', 148, 'latin1');
  const sum = file.reduce((total, byte) => total + byte, 0);
  file.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  const zeros = compress(Buffer.alloc(64 << 20));
  const blob = Buffer.concat([
    compress(file),
    ...Array.from({ length: 160 }, () => zeros),
    compress(Buffer.alloc(1024)),
  ]);
  return layout(rkt, { mediaType: `application/vnd.oci.image.layer.v1.tar+${suffix}`, blob });
}

/** Puts an image of one layer into the store, which may be anything. */
function layout(rkt: Rkt, { mediaType, blob }: { readonly mediaType: string; readonly blob: Buffer }): string {
  const store = join(rkt.dir, 'store');
  mkdirSync(join(store, 'blobs', 'sha256'), { recursive: true });
  writeFileSync(join(store, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  const add = (type: string, bytes: Buffer) => {
    const hex = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(join(store, 'blobs', 'sha256', hex), bytes);
    return { mediaType: type, digest: `sha256:${hex}`, size: bytes.byteLength };
  };
  const layer = add(mediaType, blob);
  const OCI = 'application/vnd.oci.image';
  const config = add(`${OCI}.config.v1+json`, Buffer.from(JSON.stringify({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64', os: 'linux', config: { Cmd: ['true'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${'0'.repeat(64)}`] },
  }))); // prettier-ignore
  const document = { schemaVersion: 2, mediaType: `${OCI}.manifest.v1+json`, config, layers: [layer] };
  const manifest = add(document.mediaType, Buffer.from(JSON.stringify(document)));
  const name = 'registry.example.com/attack:latest';
  const entry = { ...manifest, annotations: { 'org.opencontainers.image.ref.name': name } };
  writeFileSync(join(store, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
  return `docker://${name}`;
}
