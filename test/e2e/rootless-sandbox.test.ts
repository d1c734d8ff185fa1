// SPDX-License-Identifier: Apache-2.0
// The sandbox of a pod without root: that of root's pods, probe by probe, and what is different and why.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { makeRkt, runPod, startPod, type Rkt } from './rkt.ts';
import { makeUserRkt, skipUsers } from './user.ts';

/** What a process can find out about its own confinement. */
const PROBE = [
  'id', 'grep -E "^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp)" /proc/self/status', 'cat /proc/self/uid_map /proc/self/cgroup',
  'for n in user mnt pid net ipc uts cgroup; do test -e /proc/self/ns/$n && echo $n; done', 'cat /proc/self/limits /proc/self/oom_score_adj',
  'env | sort', 'ls /proc/self/fd', 'umask', 'pwd', 'cat /proc/self/personality /proc/self/coredump_filter 2>/dev/null', 'cat /proc/self/mountinfo | cut -d" " -f4-',
].join('; '); // prettier-ignore

/** What must be the same whoever's pod it is. */
const SAME = [
  'id', 'hostname | wc -c', 'grep -E "^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp)" /proc/self/status',
  'for n in user mnt pid net ipc uts cgroup; do readlink /proc/self/ns/$n | cut -d: -f1; done', 'cat /proc/self/limits | grep -v -E "pending|processes|locked"',
  'env | sort', 'ls /proc/self/fd', 'umask', 'pwd', 'cat /proc/self/oom_score_adj', 'ls -d /dev/*', 'ls -l /dev/null /dev/zero | cut -c 1-10',
  'wc -c </proc/kallsyms', 'ls /sys/firmware /sys/module', 'echo 1 >/proc/sys/vm/swappiness', 'touch /sys/x', 'head -c 3 /dev/zero | wc -c',
  'echo x >/dev/null && echo y >/dev/full', 'mknod /tmp/n c 1 3; mknod /tmp/b b 8 0', 'unshare -U true; unshare -m true; mount -t tmpfs none /tmp; umount /proc',
  'stat -c "%a %u" / /tmp /dev/shm /etc/passwd /etc/shadow', 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start', 'ip addr | grep -c LOOPBACK,UP',
  'awk \'$5 !~ /^.dev./ { print $5, $4 == "/null" ? "null" : $6 }\' /proc/self/mountinfo | sort', 'ls /proc/1/root',
].join('; '); // prettier-ignore

function shell(rkt: Rkt, image: string, { script, options = [] }: { script: string; options?: readonly string[] }) {
  return runPod(rkt, image, { options, args: ['sh', '-c', script] });
}

suite('the sandbox without root', { skip: skipUsers }, () => {
  test('a probe prints the same in pods of root and of a user', (t) => {
    const [root, user] = [makeRkt(t), makeUserRkt(t)];
    const image = root.image('busybox');
    user.image('busybox');
    for (const options of [
      [],
      ['--user=1000:1000'],
      ['--caps-retain=CAP_KILL'],
      ['--readonly-rootfs=true'],
      ['--working-dir=/tmp', '--oom-score-adj=5'],
      ['--insecure-options=paths,seccomp'],
    ]) {
      const [asRoot, asUser] = [root, user].map((rkt) => shell(rkt, image, { script: SAME, options }));
      assert.match(asUser?.stdout ?? '', /^NoNewPrivs:\t1$/m);
      assert.equal(asUser?.stdout, asRoot?.stdout, options.join(' '));
      const said = (text = '') => text.replace(/^rkt-prepare: .*\n/gm, '');
      assert.equal(said(asUser?.stderr), said(asRoot?.stderr), options.join(' '));
    }
  });

  test('enter: a probe prints the same by run and by enter, byte for byte', async (t) => {
    const rkt = makeUserRkt(t);
    const image = rkt.image('busybox');
    for (const options of [[], ['--user=1000:1000'], ['--net=host'], ['--caps-retain=CAP_KILL', '--oom-score-adj=7']]) {
      const ran = shell(rkt, image, { script: PROBE, options }).stdout;
      const pod = await startPod(rkt, image, { options, args: ['sleep', '1000'] });
      const entered = rkt.ok('enter', pod.uuid, 'sh', '-c', PROBE);
      pod.child.kill('SIGKILL');
      await pod.ended;
      const plain = (text: string) => text.trim().replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'UUID');
      assert.equal(plain(entered), plain(ran), options.join(' '));
    }
  });

  test('root of a pod is a subordinate id of the host, and never the user', async (t) => {
    const rkt = makeUserRkt(t);
    const image = rkt.image('busybox');
    const pod = await startPod(rkt, image, { args: ['sleep', '1000'] });
    const map = rkt.ok('enter', pod.uuid, 'cat', '/proc/self/uid_map').trim().split(/\s+/);
    assert.deepEqual(map, ['0', '1', '65536']);
    const init = /^pid=(\d+)$/m.exec(rkt.ok('status', pod.uuid))?.[1] ?? '';
    const [, app = ''] = /^started (\d+) /m.exec(readFileSync(join(pod.path, 'apps/busybox/status'), 'utf8')) ?? [];
    for (const pid of [init, app]) {
      const id = rkt.user.first;
      assert.match(
        readFileSync(`/proc/${pid}/status`, 'utf8'),
        new RegExp(`^Uid:\\t${id}\\t${id}\\t${id}\\t${id}$`, 'm'),
      );
    }
    pod.child.kill('SIGKILL');
    await pod.ended;
  });

  test('an app that gets out of its root reaches nothing of the user', async (t) => {
    const rkt = makeUserRkt(t);
    writeFileSync(join(rkt.user.home, 'secret'), 'mine\n', { mode: 0o600 });
    rkt.user.give(join(rkt.user.home, 'secret'));
    const pod = await startPod(rkt, rkt.image('busybox'), { args: ['sleep', '1000'] });
    const [, app = ''] = /^started (\d+) /m.exec(readFileSync(join(pod.path, 'apps/busybox/status'), 'utf8')) ?? [];
    // What a process of the pod would be that kept a way out: its user namespace and its ids, and the root of the host.
    const escaped = (command: string) =>
      spawnSync('nsenter', [`--user=/proc/${app}/ns/user`, '--setuid=0', '--setgid=0', 'sh', '-c', command], {
        encoding: 'utf8',
      });
    assert.equal(escaped('id -u').stdout, '0\n');
    assert.match(escaped(`cat ${rkt.user.home}/secret`).stderr, /Permission denied/);
    assert.match(escaped(`kill -0 ${pod.child.pid}`).stderr, /not permitted/);
    assert.match(escaped(`ls ${rkt.dir}/pods`).stderr, /Permission denied/);
    pod.child.kill('SIGKILL');
    await pod.ended;
  });

  test('an app cannot take the mounts of its pod apart, also with every capability', (t) => {
    const rkt = makeUserRkt(t);
    const options = ['--insecure-options=image,capabilities,seccomp'];
    const script =
      'umount /proc/sys; umount /proc; mount -o remount,rw /sys; mount -t proc proc /tmp; echo 1 >/proc/sys/vm/swappiness';
    const { stderr } = shell(rkt, rkt.image('busybox'), { script, options });
    const refused = stderr.split('\n').filter((line) => /denied|not permitted|Read-only|Invalid/.test(line));
    assert.equal(refused.length, 5, stderr);
  });

  test('network: ping without a capability and low ports; in that of the host no low ports and no abstract sockets', async (t) => {
    const rkt = makeUserRkt(t);
    const ping =
      'import socket; s = socket.socket(type=socket.SOCK_DGRAM, proto=1); s.sendto(b"\\x08" + bytes(7), ("127.0.0.1", 0)); print(len(s.recv(99)))';
    const low = 'import socket; socket.create_server(("127.0.0.1", 80)); print("bound")';
    const image = rkt.image('debian');
    const python = (script: string, ...options: string[]) =>
      runPod(rkt, image, { options, args: ['python3', '-c', script] });
    for (const user of ['--user=0', '--user=1000']) {
      assert.equal(python(ping, user).stdout, '8\n');
      assert.equal(python(low, user).stdout, 'bound\n');
    }
    assert.match(python(low, '--net=host').stderr, /PermissionError/);
    const name = `\0rkt-test-${process.pid}`;
    const server = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(name, resolve));
    t.after(() => server.close());
    const connect = `import socket; s = socket.socket(socket.AF_UNIX); s.connect("\\0${name.slice(1)}")`;
    const outcome = python(connect, '--net=host');
    assert.match(outcome.stderr, /PermissionError/);
  });

  test('the network of the host: its sys is read-only and shows no cgroup', (t) => {
    const rkt = makeUserRkt(t);
    const image = rkt.image('busybox');
    const script =
      'ls /sys/fs/cgroup | wc -l; ls /sys/class/net | grep -c lo; touch /sys/x; ls /sys/firmware /sys/kernel/debug; readlink /proc/self/ns/net';
    const { stdout, stderr } = shell(rkt, image, { script, options: ['--net=host'] });
    const own = execFileSync('readlink', ['/proc/self/ns/net'], { encoding: 'utf8' });
    assert.equal(stdout, `0\n1\n/sys/firmware:\n\n/sys/kernel/debug:\n${own}`);
    assert.match(stderr, /\/sys\/x: Read-only file system/);
  });

  test('a volume cannot lead out of the root by a link in the way', (t) => {
    const rkt = makeUserRkt(t);
    const shared = join(rkt.user.home, 'shared');
    mkdirSync(shared);
    rkt.user.give(shared);
    symlinkSync('../../../../../../../../etc', join(shared, 'escape'));
    const options = ['--volume', `s,kind=host,source=${shared}`, '--volume', 'e,kind=empty', '--mount', 'volume=s,target=/s', '--mount', 'volume=e,target=/s/escape/inner']; // prettier-ignore
    const { stdout } = shell(rkt, rkt.image('busybox'), {
      script: 'ls -d /etc/inner; grep -c inner /proc/self/mountinfo',
      options,
    });
    assert.match(stdout, /^\/etc\/inner\n1\n$/);
    assert.ok(!existsSync('/etc/inner'));
  });

  test('groups of the user do not get in, and nothing of its environment', (t) => {
    const rkt = makeUserRkt(t).where({
      before: 'shift 3; set -- --reuid=54321 --regid=54321 --groups=4,24 env RKT_CANARY=leaked "$@"',
    });
    const image = rkt.image('busybox');
    const { stdout } = shell(rkt, image, { script: 'grep ^Groups: /proc/self/status; env; cat /proc/1/environ' });
    assert.match(stdout, /^Groups:\t *$/m);
    assert.doesNotMatch(stdout, /leaked/);
  });
});

suite('the files of a layer without root', { skip: skipUsers }, () => {
  // One of them has ids that the pod does not have, as files of layers may.
  for (const [name, count] of [
    ['busybox', 65_536],
    ['oddities', 131_072],
  ] as const) {
    test(`${name}: the same trees as those of root, attribute for attribute`, (t) => {
      const root = makeRkt(t);
      const user = makeUserRkt(t, { ranges: [`1900000000:${count}`] });
      const image = root.image(name);
      user.image(name);
      for (const rkt of [root, user]) rkt.ok('prepare', '--quiet', '--insecure-options=image', image, '--exec=/bin/sh');
      const layers = readdirSync(join(root.dir, 'layers'));
      assert.deepEqual(readdirSync(join(user.dir, 'layers')), layers);
      for (const layer of layers) {
        const trees = [root, user].map(({ dir }) => join(dir, 'layers', layer));
        const [asRoot, asUser] = trees.map((path, index) => listTree(join(path, 'tree'), index * user.user.first));
        assert.deepEqual(differences(asUser ?? {}, asRoot ?? {}), []);
        for (const file of ['passwd', 'group']) {
          const [one, other] = trees.map((path) => readFileSync(join(path, file), 'latin1'));
          assert.equal(other, one);
        }
      }
    });
  }
});

type Attributes = Record<string, unknown>;

/** A tree as the pod sees it: ids from the first on, and what overlayfs and capabilities note in the words of root. */
function listTree(path: string, first: number): Record<string, Attributes> {
  const program = join(import.meta.dirname, 'tree.py');
  const text = execFileSync('python3', [program, 'list', path], { encoding: 'utf8', maxBuffer: 1 << 28 });
  const tree: Record<string, Attributes> = JSON.parse(text);
  const entries = Object.entries(tree).map(([name, found]) => [name, asInPod(found, first)] as const);
  // A layer need not say how old the root is; then it is as old as the tree.
  return Object.fromEntries(entries.map(([name, found]) => [name, name === '' ? { ...found, mtime: 'any' } : found]));
}

function asInPod(found: Attributes, first: number): Attributes {
  const entries = Object.entries(found).flatMap(([key, value]): [string, unknown][] => {
    if (key === 'uid' || key === 'gid') return [[key, isWhiteout(found) ? 'any' : Number(value) - first]];
    if (key === 'mtime' && isWhiteout(found)) return [];
    // Inodes of the parent, and the id of a file system.
    if (/overlay\.(origin|impure|uuid)$/.test(key)) return [];
    if (/overlay\./.test(key)) return [[key.replace(/(trusted|user)\.overlay/, 'overlay'), value]];
    return [[key, key === 'xattr security.capability' ? withoutRoot(String(value)) : value]];
  });
  return Object.fromEntries(entries);
}

/** One line for each attribute that two trees do not share. */
function differences(ours: Record<string, Attributes>, theirs: Record<string, Attributes>): string[] {
  return [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].flatMap((hex) => {
    const [own = {}, other = {}] = [ours[hex], theirs[hex]];
    return [...new Set([...Object.keys(own), ...Object.keys(other)])]
      .filter((key) => JSON.stringify(own[key]) !== JSON.stringify(other[key]))
      .map(
        (key) =>
          `/${Buffer.from(hex, 'hex').toString('latin1')}: ${key}: ${String(own[key])} for ${String(other[key])}`,
      );
  });
}

function isWhiteout({ device }: Attributes): boolean {
  return device === '0:0';
}

/** Capabilities of a file in version 3 name the root of a user namespace, which is all that they add to version 2. */
function withoutRoot(hex: string): string {
  return hex.startsWith('000000') ? hex : hex.replace(/^(..)0000(03|02)/, '$1000002').slice(0, 40);
}
