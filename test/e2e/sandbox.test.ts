// SPDX-License-Identifier: Apache-2.0
// One probe for each item of the default sandbox, and for most of them the same probe with the item switched off.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readlinkSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { makeRkt, runPod, skipPods, startPod, type Rkt } from './rkt.ts';

/** What a process can find out about its own confinement. */
const PROBE = [
  'id', 'grep -E "^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp)" /proc/self/status', 'cat /proc/self/uid_map /proc/self/cgroup',
  'for n in user mnt pid net ipc uts cgroup; do test -e /proc/self/ns/$n && echo $n; done', 'cat /proc/self/limits /proc/self/oom_score_adj',
  'env | sort', 'ls /proc/self/fd', 'umask', 'pwd', 'cat /proc/self/personality /proc/self/coredump_filter 2>/dev/null', 'cat /proc/self/mountinfo | cut -d" " -f4-',
].join('; '); // prettier-ignore

/** A store with an image. */
interface Bed {
  readonly rkt: Rkt;
  readonly image: string;
}

function shell({ rkt, image }: Bed, script: string, options: readonly string[] = []) {
  return runPod(rkt, image, { options, args: ['sh', '-c', script] });
}

function field(text: string, name: string): string | undefined {
  return new RegExp(`^${name}:[\\t ]*(.*)$`, 'm').exec(text)?.[1];
}

suite('the default sandbox', { skip: skipPods }, () => {
  test('enter: a probe prints the same by run and by enter, byte for byte', async (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    for (const options of [[], ['--user=1000:1000'], ['--net=host'], ['--caps-retain=CAP_KILL', '--memory=64Mi']]) {
      const ran = shell({ rkt, image }, PROBE, options).stdout;
      const pod = await startPod(rkt, image, { options, args: ['sleep', '1000'] });
      const entered = rkt.ok('enter', pod.uuid, 'sh', '-c', PROBE);
      pod.child.kill('SIGKILL');
      await pod.ended;
      const plain = (text: string) =>
        text
          .trim()
          .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'UUID')
          .replaceAll(/[= ]+\d{9,10}\b/g, ' ID');
      assert.equal(plain(entered), plain(ran), options.join(' '));
    }
  });

  test('user namespace: root in the pod is nobody on the host, with a range of its own', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const maps = [1, 2].map(() => shell({ rkt, image }, 'cat /proc/self/uid_map').stdout.trim().split(/\s+/));
    for (const [inside, outside, count] of maps) {
      assert.deepEqual([inside, count], ['0', '65536']);
      assert.ok(Number(outside) >= 0x10000000);
    }
    assert.notEqual(maps[0]?.[1], maps[1]?.[1]);
    const off = shell({ rkt, image }, 'cat /proc/self/uid_map', ['--insecure-options=image,userns']);
    assert.match(off.stdout, /^\s+0\s+0\s+4294967295$/m);
  });

  test('capabilities: eleven for root, none for others, none inheritable or ambient', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const probe = 'cat /proc/self/status';
    const root = shell({ rkt, image }, probe).stdout;
    assert.deepEqual(
      ['CapBnd', 'CapPrm', 'CapEff'].map((name) => field(root, name)),
      Array(3).fill('00000000800405fb'),
    );
    assert.deepEqual(
      ['CapInh', 'CapAmb'].map((name) => field(root, name)),
      Array(2).fill('0000000000000000'),
    );
    const user = shell({ rkt, image }, probe, ['--user=1000']).stdout;
    assert.deepEqual(
      ['CapPrm', 'CapEff', 'CapInh', 'CapAmb'].map((name) => field(user, name)),
      Array(4).fill('0000000000000000'),
    );
    assert.equal(field(shell({ rkt, image }, probe, ['--caps-retain=CAP_KILL']).stdout, 'CapEff'), '0000000000000020');
    assert.notEqual(
      field(shell({ rkt, image }, probe, ['--insecure-options=capabilities']).stdout, 'CapEff'),
      '00000000800405fb',
    );
  });

  test('no new privileges, and a filter', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const status = shell({ rkt, image }, 'cat /proc/self/status').stdout;
    assert.equal(field(status, 'NoNewPrivs'), '1');
    assert.equal(field(status, 'Seccomp'), '2');
    assert.equal(
      field(shell({ rkt, image }, 'cat /proc/self/status', ['--insecure-options=seccomp']).stdout, 'Seccomp'),
      '0',
    );
  });

  test('seccomp: mount and unshare are refused, and allowed by the filter when it is off', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const script = 'unshare -U true';
    assert.notEqual(shell({ rkt, image }, script).status, 0);
    assert.equal(shell({ rkt, image }, script, ['--insecure-options=seccomp']).status, 0);
    const removed = shell({ rkt, image }, 'chmod 600 /tmp', [
      '--seccomp=mode=remove,errno=EXFULL,chmod,fchmod,fchmodat,fchmodat2',
    ]);
    assert.match(removed.stderr, /[Ee]xchange full/);
  });

  test('supplementary groups of the caller do not get in', (t) => {
    const rkt = makeRkt(t);
    assert.equal(
      field(shell({ rkt, image: rkt.image('busybox') }, 'cat /proc/self/status').stdout, 'Groups')?.trim(),
      '',
    );
  });

  test('hidden and read-only parts of proc and sys', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const script =
      'wc -c </proc/kallsyms; ls /sys/firmware /sys/module | wc -l; echo 1 >/proc/sys/vm/swappiness; touch /sys/x';
    const { stdout, stderr } = shell({ rkt, image }, script);
    assert.deepEqual(
      stdout
        .split('\n')
        .slice(0, 2)
        .map((line) => line.trim()),
      ['0', '3'],
    );
    assert.match(stderr, /swappiness.*Read-only file system/);
    assert.match(stderr, /\/sys\/x.*Read-only file system/);
    const open = shell({ rkt, image }, 'ls /sys/module | wc -l', ['--insecure-options=paths']);
    assert.ok(Number(open.stdout) > 3);
  });

  test('devices: the standard ones and no others; no node of an image works', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const { stdout } = shell(
      { rkt, image },
      'ls -d /dev/* && head -c 3 /dev/zero | wc -c && mknod /tmp/n c 1 3; ls /tmp/n',
    );
    const names = stdout.split('\n').filter((line) => line.startsWith('/dev/'));
    assert.deepEqual(names.map((name) => name.slice(5)).toSorted(), [
      'fd',
      'full',
      'mqueue',
      'null',
      'ptmx',
      'pts',
      'random',
      'shm',
      'stderr',
      'stdin',
      'stdout',
      'tty',
      'urandom',
      'zero',
    ]);
    assert.doesNotMatch(stdout, /\/tmp\/n/);
  });

  test('network: of its own with loopback up, and that of the host on request', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    assert.match(shell({ rkt, image }, 'ip addr').stdout, /LOOPBACK,UP/);
    const ping =
      'import socket; s = socket.socket(type=socket.SOCK_DGRAM, proto=1); s.sendto(b"\\x08" + bytes(7), ("127.0.0.1", 0)); print(len(s.recv(99)))';
    assert.equal(
      runPod(rkt, rkt.image('debian'), { options: ['--user=1000'], args: ['python3', '-c', ping] }).stdout,
      '8\n',
    );
    const own = shell({ rkt, image }, 'readlink /proc/self/ns/net').stdout.trim();
    const host = shell({ rkt, image }, 'readlink /proc/self/ns/net', ['--net=host']).stdout.trim();
    assert.notEqual(own, host);
    assert.equal(host, readlinkSync('/proc/self/ns/net'));
  });

  test('abstract sockets of the host are out of reach also in its network', async (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('debian');
    const name = `rkt-test-${process.pid}`;
    const server = createServer().listen(`\0${name}`);
    t.after(() => server.close());
    const script = `import socket; s = socket.socket(socket.AF_UNIX); s.connect("\\0${name}"); print("in")`;
    const python = (options: readonly string[]) => runPod(rkt, image, { options, args: ['python3', '-c', script] });
    const refused = python(['--net=host']);
    assert.match(refused.stderr, /Operation not permitted/);
    assert.equal(python(['--net=host', '--insecure-options=landlock']).stdout, 'in\n');
    await Promise.resolve();
  });

  test('limits: processes, memory and open files, as the kernel counts them', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const forks = 'i=0; while [ $i -lt 40 ]; do sleep 5 & i=$((i+1)); done 2>&1 | head -1';
    assert.match(
      shell({ rkt, image }, forks, ['--pids-limit=20']).stdout,
      /can't fork|Resource temporarily unavailable/,
    );
    assert.equal(shell({ rkt, image }, 'tail /dev/zero', ['--memory=16Mi']).status, 137);
    assert.match(
      shell({ rkt, image }, 'cat /proc/self/limits').stdout,
      /Max core file size\s+0\s+0\s[\s\S]*Max open files\s+1024\s/,
    );
  });

  test('descriptors: 0, 1 and 2, whatever the caller left open', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const { stdout } = shell({ rkt, image }, 'ls /proc/self/fd');
    // The fourth is the directory that ls reads.
    assert.deepEqual(stdout.trim().split('\n'), ['0', '1', '2', '3']);
  });

  test('environment: nothing of the caller', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    process.env['RKT_CANARY'] = 'leaked';
    t.after(() => delete process.env['RKT_CANARY']);
    assert.doesNotMatch(shell({ rkt, image }, 'env; cat /proc/1/environ').stdout, /leaked/);
    assert.match(shell({ rkt, image }, 'env', ['--inherit-env']).stdout, /RKT_CANARY=leaked/);
  });

  test('command lines: those of pid 1 and of what enters tell nothing of the host', async (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    assert.match(shell({ rkt, image }, 'tr "\\0" " " </proc/1/cmdline').stdout, /^rkt-init *$/);
    // The brackets keep the pattern from finding itself.
    const watch = 'while :; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" "\\n" | grep "rkt-e2[e]" >>/found; done';
    const pod = await startPod(rkt, image, { args: ['sh', '-c', watch] });
    for (let round = 0; round < 10; round++) rkt.ok('enter', pod.uuid, 'true');
    assert.equal(rkt.ok('enter', pod.uuid, 'cat', '/found'), '');
    assert.match(readFileSync(`/proc/${pod.child.pid}/cmdline`, 'utf8'), new RegExp(`\0${pod.uuid}\0$`));
    pod.child.kill('SIGKILL');
    await pod.ended;
  });

  test('read-only root: only the scratch directories and volumes can be written', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const script = 'touch /x; touch /tmp/y && echo tmp; touch /run/z && echo run; touch /etc/w';
    const { stdout, stderr } = shell({ rkt, image }, script, ['--readonly-rootfs']);
    assert.equal(stdout, 'tmp\nrun\n');
    assert.match(stderr, /\/x: Read-only[\s\S]*\/etc\/w: Read-only/);
    assert.equal(shell({ rkt, image }, 'touch /x').status, 0);
  });

  test('a volume cannot lead out of the root by a link in the way', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    mkdirSync(join(rkt.dir, 'shared'));
    symlinkSync('../../../../../../../../etc', join(rkt.dir, 'shared', 'escape'));
    const options = [
      '--volume',
      `s,kind=host,source=${rkt.dir}/shared`,
      '--volume',
      'e,kind=empty',
      '--mount',
      'volume=s,target=/s',
      '--mount',
      'volume=e,target=/s/escape/inner',
    ];
    const { stdout } = shell({ rkt, image }, 'ls -d /etc/inner; grep -c inner /proc/self/mountinfo', options);
    assert.match(stdout, /^\/etc\/inner\n1\n$/);
    assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), /\/etc\/inner/);
  });

  test('a working directory in proc is refused', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    for (const path of ['/proc/self/fd/3', '/proc/1/root']) {
      const { status, stderr } = runPod(rkt, image, { options: [`--working-dir=${path}`], args: ['pwd'] });
      assert.equal(status, 65, stderr);
    }
  });

  test('status says which user ids a pod has, and why it has none', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const uuid = rkt.ok('prepare', '--insecure-options=image,userns', image);
    assert.match(rkt.run('status', uuid).stdout, /^userns=.*insecure-options/m);
  });
});
