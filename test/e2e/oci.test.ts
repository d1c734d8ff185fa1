// SPDX-License-Identifier: Apache-2.0
// The config.json of an app is one of the OCI runtime specification: other runtimes make the same of it.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { hostHierarchies } from '@rkt/cgroups';
import { UNLIMITED } from '@rkt/formats';
import { images, makeRkt, skipPods, startPod, type Result, type Rkt } from './rkt.ts';

/** What a process sees of its sandbox where all runtimes do the same. */
const PROBE = [
  'echo "$@"', 'id', 'hostname', 'pwd', 'umask', 'env | sort', 'ls /proc/self/fd', 'cat /proc/self/uid_map /proc/self/gid_map',
  'grep -E "^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp)" /proc/self/status', 'grep -E "core|open files|stack" /proc/self/limits', 'cat /proc/sys/kernel/shmmax /proc/sys/kernel/sem',
  'cat /etc/hostname /etc/hosts', 'wc -c </proc/kallsyms', 'ls /sys/firmware /sys/module', 'echo 1 >/proc/sys/vm/swappiness',
  'touch /made && echo writable', 'unshare -U true; mount -t tmpfs none /tmp; echo $?', 'ip addr | grep -c UP',
  'awk "{ print \\$5 }" /proc/self/mountinfo | grep -E "^/(dev|proc|sys|v)$" | sort', 'ls -l /dev/null | cut -c 1-10', 'stat -c %a /dev/shm', 'ls /v; touch /v/made', 'exit 7',
].join('\n'); // prettier-ignore

/** The files of cgroup v1 that limits are in. */
const LIMIT_FILES = [
  ...['limit_in_bytes', 'memsw.limit_in_bytes', 'soft_limit_in_bytes'].map((name) => `memory.${name}`),
  ...['cfs_quota_us', 'cfs_period_us', 'shares'].map((name) => `cpu.${name}`),
  'cpuset.cpus',
  'cpuset.mems',
  'pids.max',
  ...['read_bps', 'write_bps', 'read_iops', 'write_iops'].map((name) => `blkio.throttle.${name}_device`),
];

interface Config {
  readonly mounts: readonly { readonly source: string }[];
  readonly linux: {
    readonly uidMappings?: readonly { readonly hostID: number }[];
    resources?: object;
    cgroupsPath: string;
  };
}

interface Peer {
  readonly name: string;
  readonly command: (bundle: string, id: string) => readonly string[];
  /** Whether limits are left out, since the peer runs without cgroups. */
  readonly withoutLimits: boolean;
}

const peers: readonly Peer[] = [
  {
    name: 'runc',
    command: (bundle, id) => ['runc', '--root', `${bundle}/state`, 'run', '--bundle', bundle, id],
    withoutLimits: false,
  },
  {
    name: 'crun',
    // It refuses machines with cgroups of both versions, so it is shown one of version 2 that it does not use.
    command: (bundle, id) => [
      'unshare', '-m', 'sh', '-c', 'mount --make-rprivate / && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"', 'sh',
      'crun', '--root', `${bundle}/state`, '--cgroup-manager=disabled', 'run', '--bundle', bundle, id,
    ],
    withoutLimits: true,
  },
]; // prettier-ignore

/** A bundle of the app's own configuration and a copy of its files. */
function bundleOf(t: TestContext, { rkt, uuid, peer }: { rkt: Rkt; uuid: string; peer: Peer }): string {
  const bundle = mkdtempSync(join(rkt.dir, 'bundle-'));
  t.after(() => rmSync(bundle, { recursive: true, force: true }));
  const from = join(bundle, 'image');
  execFileSync('umoci', ['unpack', '--image', `${join(images, 'busybox')}:latest`, from], { stdio: 'ignore' });
  execFileSync('mv', [join(from, 'rootfs'), join(bundle, 'rootfs')]);
  const path = join(rkt.dir, 'pods', 'run', uuid, 'apps', 'app', 'config.json');
  const config: Config = JSON.parse(readFileSync(path, 'utf8'));
  const id = String(config.linux.uidMappings?.[0]?.hostID ?? 0);
  execFileSync('chown', ['-hR', `${id}:${id}`, join(bundle, 'rootfs')]);
  config.linux.cgroupsPath = `/rkt-oci-${process.pid}`;
  if (peer.withoutLimits) delete config.linux.resources;
  // What has 64 bits in the file has fewer in JavaScript.
  const text = JSON.stringify(config).replaceAll(String(UNLIMITED), '18446744073709551615');
  writeFileSync(join(bundle, 'config.json'), text);
  execFileSync('chmod', ['755', bundle]);
  return bundle;
}

function runPeer(t: TestContext, { rkt, uuid, peer }: { rkt: Rkt; uuid: string; peer: Peer }): Result {
  const [file = '', ...words] = peer.command(bundleOf(t, { rkt, uuid, peer }), `rkt-oci-${process.pid}`);
  return spawnSync(file, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 30_000 });
}

suite('the config.json of an app', { skip: skipPods }, () => {
  const cases = [[], ['--user=1000', '--group=1001', '--supplementary-gids=5,6'], ['--caps-retain=CAP_KILL'], ['--readonly-rootfs'], ['--working-dir=/tmp'], ['--ulimit=nofile=100:200', '--ulimit=stack=unlimited', '--sysctl=kernel.shmmax=99', '--sysctl=kernel.sem=1 2 3 4']]; // prettier-ignore
  for (const peer of peers) {
    const missing = spawnSync('sh', ['-c', `command -v ${peer.name} && command -v umoci`]).status !== 0;
    test(`${peer.name} makes of it what rkt makes`, { skip: missing && `not installed: ${peer.name}, umoci` }, (t) => {
      const rkt = makeRkt(t);
      const image = rkt.image('busybox');
      execFileSync('mkdir', ['-m', '777', join(rkt.dir, 'volume')]);
      writeFileSync(join(rkt.dir, 'volume', 'file'), 'x');
      const volume = [
        '--volume',
        `v,kind=host,source=${rkt.dir}/volume,readOnly=true`,
        '--mount',
        'volume=v,target=/v',
      ];
      for (const options of cases) {
        const args = ['--', 'sh', '-c', PROBE, 'sh', 'two words', ''];
        const uuid = rkt.ok('prepare', '--quiet', '--insecure-options=image', image, '--name=app', ...volume, ...options, ...args); // prettier-ignore
        const own = rkt.run('run-prepared', uuid);
        const other = runPeer(t, { rkt, uuid, peer });
        assert.equal(own.status, 7, own.stderr);
        assert.deepEqual(
          [other.stdout, other.stderr, other.status],
          [own.stdout, own.stderr, own.status],
          options.join(),
        );
      }
    });
  }

  const hierarchies = skipPods === false ? hostHierarchies().controllers : new Map();
  const isV1 = ['memory', 'cpu', 'cpuset', 'pids', 'blkio'].every((name) => hierarchies.get(name)?.version === 1);
  const missing = spawnSync('sh', ['-c', 'command -v runc && command -v umoci']).status !== 0;
  const skip = (missing && 'not installed: runc, umoci') || (!isV1 && 'the files are those of v1');
  test('runc limits an app as rkt does', { skip }, async (t) => {
    const rkt = makeRkt(t);
    const disk = readdirSync('/dev').find((name) => lstatSync(`/dev/${name}`).isBlockDevice());
    const options = [
      ...'--name=app --memory=64Mi --memory-swap=96Mi --memory-reservation=32Mi --cpu=500m --cpu-shares=512'.split(' '),
      ...'--cpuset-cpus=0 --cpuset-mems=0 --pids-limit=40'.split(' '),
      ...(disk === undefined ? [] : [`--device-read-bps=/dev/${disk}:1Mi`, `--device-write-iops=/dev/${disk}:30`]),
    ];
    const { uuid } = await startPod(rkt, rkt.image('busybox'), { options, args: ['sleep', '1000'] });
    const bundle = bundleOf(t, { rkt, uuid, peer: { name: 'runc', command: () => [], withoutLimits: false } });
    const id = `rkt-oci-${process.pid}`;
    const runc = (...words: readonly string[]) =>
      execFileSync('runc', ['--root', `${bundle}/state`, ...words], { stdio: 'ignore' });
    runc('run', '--detach', '--bundle', bundle, id);
    const limits = (path: string) =>
      LIMIT_FILES.map((file) => {
        const mount = hierarchies.get(file.replace(/\..*/, ''))?.mount;
        return `${file}: ${readFileSync(join(mount, path, file), 'utf8').trim()}`;
      });
    try {
      assert.deepEqual(limits(id), limits(`rkt/${uuid}/app-app`));
    } finally {
      // Before the bundle goes, in which runc keeps what it knows.
      runc('delete', '--force', id);
    }
  });
});
