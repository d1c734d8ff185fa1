// SPDX-License-Identifier: Apache-2.0
// What limits an app and a pod: the kernel is asked what it was told, or an app tries to get more.
import assert from 'node:assert/strict';
import { existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { hostHierarchies } from '@rkt/cgroups';
import { makeRkt, runPod, skipPods, startPod } from './rkt.ts';
import { makeUserRkt, skipUsers } from './user.ts';

const host = skipPods === false ? hostHierarchies() : { unified: undefined, controllers: new Map(), cpusetRoot: {} };
const MI = 2 ** 20;
const disk = readdirSync('/dev')
  .map((name) => `/dev/${name}`)
  .find((path) => lstatSync(path).isBlockDevice());

const hasHugePages = host.controllers.has('hugetlb') && existsSync('/sys/kernel/mm/hugepages/hugepages-2048kB');

/** What a file says of the cgroup of an app, or of a whole pod. */
function cgroup(
  uuid: string,
  app: string | undefined,
  [controller, v1, v2 = v1]: readonly [string, string, string?],
): string {
  const found = host.controllers.get(controller) ?? host.controllers.get(controller === 'blkio' ? 'io' : controller);
  assert.ok(found, controller);
  const own = app === undefined ? '' : `app-${app}/`;
  return readFileSync(`${found.mount}/rkt/${uuid}/${own}${found.version === 1 ? v1 : v2}`, 'utf8').trim();
}

/** The text that a version wants: that of v1 where the controller is on v1. */
function either(controller: string, v1: string, v2: string): string {
  return host.controllers.get(controller)?.version === 1 ? v1 : v2;
}

const MEMORY = ['memory', 'memory.limit_in_bytes', 'memory.max'] as const;
const TIME = ['cpu', 'cpu.cfs_quota_us', 'cpu.max'] as const;

suite('isolators', { skip: skipPods }, () => {
  test('the limits of an app are those of its cgroups', async (t) => {
    const rkt = makeRkt(t);
    const { uuid } = await startPod(rkt, rkt.image('busybox'), {
      options: [
        ...'--memory=64Mi --memory-swap=96Mi --memory-reservation=32Mi --cpu=500m --cpu-shares=512'.split(' '),
        ...'--cpuset-cpus=0 --cpuset-mems=0 --pids-limit=40'.split(' '),
        ...(hasHugePages ? ['--hugetlb=2Mi:4Mi'] : []),
        ...(disk === undefined ? [] : [`--device-read-bps=${disk}:1Mi`, `--device-write-iops=${disk}:30`]),
      ],
      args: ['sleep', '1000'],
    });
    const of = (...file: readonly [string, string, string?]) => cgroup(uuid, 'busybox', file);
    assert.equal(of(...MEMORY), String(64 * MI));
    assert.equal(
      of('memory', 'memory.memsw.limit_in_bytes', 'memory.swap.max'),
      either('memory', String(96 * MI), String(32 * MI)),
    );
    assert.equal(of('memory', 'memory.soft_limit_in_bytes', 'memory.low'), String(32 * MI));
    assert.equal(of(...TIME), either('cpu', '50000', '50000 100000'));
    assert.equal(of('cpu', 'cpu.shares', 'cpu.weight'), either('cpu', '512', '59'));
    assert.deepEqual([of('cpuset', 'cpuset.cpus'), of('cpuset', 'cpuset.mems')], ['0', '0']);
    assert.equal(of('pids', 'pids.max'), '40');
    if (hasHugePages) assert.equal(of('hugetlb', 'hugetlb.2MB.limit_in_bytes', 'hugetlb.2MB.max'), String(4 * MI));
    if (disk === undefined) return;
    assert.match(of('blkio', 'blkio.throttle.read_bps_device', 'io.max'), / (rbps=)?1048576\b/);
    assert.match(of('blkio', 'blkio.throttle.write_iops_device', 'io.max'), / (wiops=)?30$/);
  });

  test('an app cannot take more than it may', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const within = (options: readonly string[], script: string) =>
      runPod(rkt, image, { options, args: ['sh', '-c', script] });
    const fill = 'a=$(head -c 50000000 /dev/zero | tr "\\0" x); echo survived';
    assert.equal(within(['--memory=16Mi', '--memory-swap=16Mi'], fill).stdout, '');
    assert.equal(within(['--memory=256Mi'], fill).stdout, 'survived\n');
    assert.equal(within(['--pod-memory=16Mi'], fill).stdout, '');
    assert.equal(within(['--cpuset-cpus=0'], 'nproc').stdout, '1\n');
    assert.match(within(['--pids-limit=3'], 'for i in 1 2 3 4; do sleep 1 & done').stderr, /fork/);
    assert.match(within(['--pod-pids-limit=4'], 'for i in 1 2 3 4; do sleep 1 & done').stderr, /fork/);
  });

  test('a shell has the limits of --ulimit, and what enters has them too', async (t) => {
    const rkt = makeRkt(t);
    const { uuid } = await startPod(rkt, rkt.image('busybox'), {
      options: ['--ulimit=nofile=100:200', '--ulimit=fsize=4096', '--ulimit=core=0:0', '--ulimit', 'stack=4194304'],
      args: ['sleep', '1000'],
    });
    const shown = rkt.ok('enter', uuid, 'sh', '-c', 'ulimit -n; ulimit -Hn; ulimit -f; ulimit -Hs');
    assert.equal(shown, '100\n200\n8\n4096');
    const config = JSON.parse(readFileSync(join(rkt.dir, 'pods/run', uuid, 'apps/busybox/config.json'), 'utf8'));
    assert.deepEqual(config.process.rlimits[1], { type: 'RLIMIT_NOFILE', soft: 100, hard: 200 });
  });

  test('--sysctl sets what is the pod’s own, and nothing of the host', (t) => {
    const rkt = makeRkt(t);
    const files = ['net/ipv4/ip_unprivileged_port_start', 'kernel/shmmax', 'kernel/sem', 'fs/mqueue/msg_max'];
    const ofHost = () => files.map((file) => readFileSync(`/proc/sys/${file}`, 'utf8').trim());
    const before = ofHost();
    const settings = ['net.ipv4.ip_unprivileged_port_start=80', 'kernel/shmmax=12345', 'kernel.sem=1 2 3 4'];
    const options = [...settings, 'fs.mqueue.msg_max=11'].map((setting) => `--sysctl=${setting}`);
    const args = ['sh', '-c', `cd /proc/sys && cat ${files.join(' ')}`];
    for (const insecure of [[], ['--insecure-options=userns']]) {
      const { stdout, stderr } = runPod(rkt, rkt.image('busybox'), { options: [...options, ...insecure], args });
      assert.deepEqual([stdout, stderr], ['80\n12345\n1\t2\t3\t4\n11\n', '']);
    }
    assert.deepEqual(ofHost(), before);
  });

  test('--seccomp takes profiles of other engines, and none', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const profile = join(rkt.dir, 'profile.json');
    const rule = { names: ['mkdir', 'mkdirat', 'nosuchcall'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 };
    writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [rule] }));
    const script = 'mkdir /made; grep Seccomp: /proc/self/status';
    const within = (option: string) => runPod(rkt, image, { options: [option], args: ['sh', '-c', script] });
    const filtered = within(`--seccomp=profile=${profile}`);
    assert.match(filtered.stderr, /Function not implemented/);
    assert.match(filtered.stdout, /^Seccomp:\t2$/m);
    const free = within('--seccomp=unconfined');
    assert.deepEqual([free.stdout, free.stderr], ['Seccomp:\t0\n', '']);
    writeFileSync(profile, '{"defaultAction":"SCMP_ACT_NOTHING"}');
    const { status, stderr } = within(`--seccomp=profile=${profile}`);
    assert.equal(status, 65);
    assert.match(stderr, /^rkt-prepare: cannot use --seccomp="profile=[^\n]+\n$/);
  });

  test('what is no limit is refused in one line before anything is made', (t) => {
    const rkt = makeRkt(t);
    const image = rkt.image('busybox');
    const refused: readonly (readonly [string, RegExp, number?])[] = [
      ['--memory-swap=1G', /it includes memory: wanted --memory as well/],
      ['--memory=x', /wanted a number with a suffix/],
      ['--cpuset-cpus=4000', /this machine has 0/],
      ['--device-read-bps=/dev/zero:1M', /not a block device/],
      ['--hugetlb=3Mi:6Mi', /wanted SIZE:QUANTITY/],
      ['--blkio-weight=1', /wanted 10 to 1000/],
      ['--pids-limit=0', /wanted 1 or more/],
      ['--ulimit=files=7', /no such limit/],
      ['--sysctl=kernel.core_pattern=x', /not a setting of a pod/],
      ['--sysctl=net.core.somaxconn=9', /no network of its own/],
      ['--pod-cpu=100m', /cannot use --cpu=1 for app "busybox": more than --pod-cpu=0.1/],
    ];
    for (const [option, message, wanted = 64] of refused) {
      const more = option.startsWith('--sysctl=net') ? ['--net=host'] : [];
      const cpu = option.startsWith('--pod-cpu') ? ['--cpu=1'] : [];
      const { status, stdout, stderr } = rkt.run('prepare', '--insecure-options=image', ...more, image, option, ...cpu);
      assert.deepEqual([status, stdout], [wanted, ''], option);
      assert.match(stderr, /^rkt-prepare: [^\n]+\n$/);
      assert.match(stderr, message);
    }
    assert.equal(rkt.ok('list', '--no-legend'), '');
    if (host.controllers.get('memory')?.version !== 1) return;
    const { status, stderr } = rkt.run('prepare', '--insecure-options=image', image, '--oom-kill-group');
    assert.equal(status, 78);
    assert.match(
      stderr,
      /: cannot limit "unified.memory.oom.group": this machine offers no memory controller of cgroup v2\n$/,
    );
  });

  test('rkt-update changes the limits of a running app, also of a kind that it had not', async (t) => {
    const rkt = makeRkt(t);
    const { uuid, path, child, ended } = await startPod(rkt, rkt.image('busybox'), {
      options: ['--memory=32Mi', '--memory-swap=32Mi'],
      args: ['sleep', '1000'],
    });
    const of = (...file: readonly [string, string, string?]) => cgroup(uuid, 'busybox', file);
    assert.equal(
      rkt.ok('update', uuid, '--memory=96Mi', '--memory-swap=96Mi', '--cpu=500m', '--cpuset-cpus=0'),
      `"${uuid}"`,
    );
    assert.deepEqual(
      [of(...MEMORY), of(...TIME), of('cpuset', 'cpuset.cpus')],
      [String(96 * MI), either('cpu', '50000', '50000 100000'), '0'],
    );
    // Where it was not known what the app had, it is now: who enters gets into the same cgroups.
    const config = JSON.parse(readFileSync(join(path, 'apps/busybox/config.json'), 'utf8'));
    assert.deepEqual(config.linux.resources, {
      pids: { limit: 1024 },
      memory: { limit: 96 * MI, swap: 96 * MI },
      cpu: { quota: 50_000, period: 100_000, cpus: '0' },
    });
    assert.equal(rkt.ok('enter', uuid, 'nproc'), '1');
    rkt.ok('update', uuid, 'busybox', '--memory-swap=64Mi', '--memory=64Mi', '--pids-limit=-1');
    assert.deepEqual([of(...MEMORY), of('pids', 'pids.max')], [String(64 * MI), 'max']);
    rkt.ok('update', uuid, '--pod-pids-limit=77', '--pod-memory=128Mi');
    assert.equal(cgroup(uuid, undefined, ['pids', 'pids.max']), '77');
    assert.equal(cgroup(uuid, undefined, MEMORY), String(128 * MI));
    assert.deepEqual(JSON.parse(readFileSync(join(path, 'pod.json'), 'utf8')).resources, {
      pids: { limit: 77 },
      memory: { limit: 128 * MI },
    });
    child.kill('SIGTERM');
    await ended;
    assert.equal(rkt.run('update', uuid, '--cpu=1').status, 1);
    for (let i = 0; i < 2; i++) rkt.ok('gc', '--grace-period=0s');
    assert.equal(rkt.ok('list', '--no-legend'), '');
  });

  test('rkt-update changes nothing if the kernel refuses one limit', async (t) => {
    const rkt = makeRkt(t);
    const { uuid, path } = await startPod(rkt, rkt.image('busybox'), {
      options: ['--memory=96Mi', '--pids-limit=50'],
      args: ['sh', '-c', 'a=$(head -c 20000000 /dev/zero | tr "\\0" x); touch /ready; sleep 1000; :'],
    });
    const until = Date.now() + 20_000;
    while (rkt.run('enter', uuid, 'test', '-e', '/ready').status !== 0) assert.ok(Date.now() < until);
    const config = readFileSync(join(path, 'apps/busybox/config.json'), 'utf8');
    const { status, stdout, stderr } = rkt.run('update', uuid, '--pids-limit=60', '--memory=1Mi', '--memory-swap=1Mi');
    assert.deepEqual([status, stdout], [71, '']);
    assert.match(stderr, /^rkt-update: cannot set "[^"]+" to 1048576: [^\n]+: nothing was changed\n$/);
    assert.equal(cgroup(uuid, 'busybox', ['pids', 'pids.max']), '50');
    assert.equal(cgroup(uuid, 'busybox', MEMORY), String(96 * MI));
    assert.equal(readFileSync(join(path, 'apps/busybox/config.json'), 'utf8'), config);
    assert.match(rkt.ok('status', uuid), /^state=running$/m);
  });

  test('a paused pod stands still, says so, and can be stopped', async (t) => {
    const rkt = makeRkt(t);
    const script = 'trap "exit 7" TERM; i=0; while :; do i=$((i+1)); echo $i > /count; done';
    const { uuid, path, ended } = await startPod(rkt, rkt.image('busybox'), { args: ['sh', '-c', script] });
    const count = () => readFileSync(join(path, 'apps/busybox/data/upper/count'), 'utf8');
    assert.doesNotMatch(rkt.ok('status', uuid), /paused/);
    assert.equal(rkt.ok('pause', uuid), `"${uuid}"`);
    const before = count();
    assert.match(rkt.ok('status', uuid), /^paused=busybox$/m);
    assert.deepEqual(JSON.parse(rkt.ok('status', '--format=json', uuid)).paused, ['busybox']);
    await delay(100);
    assert.equal(count(), before);
    rkt.ok('resume', uuid, 'busybox');
    const until = Date.now() + 20_000;
    while (count() === before) assert.ok(Date.now() < until);
    assert.doesNotMatch(rkt.ok('status', uuid), /paused/);
    rkt.ok('pause', uuid, 'busybox');
    rkt.ok('stop', uuid);
    assert.equal(await ended, 7);
    for (const command of ['pause', 'resume']) {
      const { status, stderr } = rkt.run(command, uuid);
      assert.equal(status, 1);
      assert.match(stderr, /^rkt-\w+: cannot \w+ pod "[^"]+": it is not running: its state is "exited"\n$/);
    }
  });

  test('a user without cgroups has what needs none', { skip: skipUsers }, async (t) => {
    const rkt = makeUserRkt(t);
    const image = rkt.image('busybox');
    const options = [
      '--sysctl=kernel.shmmax=12345',
      '--sysctl=net.ipv4.ip_unprivileged_port_start=80',
      '--ulimit=nofile=64',
    ];
    const shown = 'ulimit -n; cat /proc/sys/kernel/shmmax /proc/sys/net/ipv4/ip_unprivileged_port_start';
    assert.equal(runPod(rkt, image, { options, args: ['sh', '-c', shown] }).stdout, '64\n12345\n80\n');
    const [hard = ''] = rkt.execute('sh', '-c', 'ulimit -Hn').stdout.split('\n');
    const more = runPod(rkt, image, { options: [`--ulimit=nofile=${Number(hard) + 1}`], args: ['true'] });
    assert.equal(more.status, 64);
    assert.match(more.stderr, new RegExp(`not root: wanted a hard limit of at most ${hard}\n$`));
    const { uuid } = await startPod(rkt, image, { args: ['sleep', '1000'] });
    for (const [command, ...words] of [['update', '--memory=64Mi'], ['pause']] as const) {
      const { status, stderr } = rkt.run(command, uuid, ...words);
      assert.equal(status, 78);
      assert.match(stderr, /^rkt-\w+: cannot [^\n]+ delegated to you\n$/);
    }
    rkt.ok('resume', uuid);
    rkt.ok('stop', uuid);
  });

  test('a paused pod can be killed', async (t) => {
    const rkt = makeRkt(t);
    const { uuid, ended } = await startPod(rkt, rkt.image('busybox'), { args: ['sleep', '1000'] });
    rkt.ok('pause', uuid);
    rkt.ok('stop', '--force', uuid);
    assert.equal(await ended, 137);
  });
});
