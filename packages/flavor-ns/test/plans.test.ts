// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readHierarchies } from '@rkt/cgroups';
import { parseAppName as appName } from '@rkt/names';
import { parsePod, type PodManifest, type RuntimeConfig } from '@rkt/formats';
import { appPlan, enterPlan, initPlan, podPlan, signalNamed, startPlan, type PodInput } from '@rkt/flavor-ns';
import { checkPlan, parsePlan, printPlan, type Line, type Op } from '@rkt/plan';

const UUID = '11111111-1111-4111-8111-111111111111';
const LAYER = `sha256:${'a'.repeat(64)}`;
const hierarchies = readHierarchies({
  mountinfo: '30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n',
  controllers: 'cpu memory pids',
});

function manifest(change: Partial<PodManifest> = {}, app: Partial<PodManifest['apps'][number]> = {}): PodManifest {
  const text = {
    version: 1, uuid: UUID, created: 0, mutable: false, hostname: 'h', network: 'none', insecureOptions: [], volumes: [],
    userNamespace: { first: 1 << 28, count: 65536 }, ...change,
    apps: [{ name: 'x', image: { id: LAYER, name: 'n', layers: [LAYER, LAYER], labels: {}, ports: [] },
      stopSignal: 'SIGTERM', restart: { policy: 'no', limit: 0 }, processes: 'pod', interactive: false, mounts: [], ...app }],
  }; // prettier-ignore
  return parsePod(JSON.stringify(text), 'pod.json');
}

const config: RuntimeConfig = {
  ociVersion: '1.0.2',
  root: { path: 'rootfs', readonly: false },
  hostname: 'h',
  process: {
    terminal: false,
    user: { uid: 1, gid: 2, umask: 0o022, additionalGids: [3] },
    args: ['/bin/x', 'a b', ''],
    env: ['A=b=c', 'E='],
    cwd: '/srv',
    capabilities: { bounding: ['CAP_KILL'], effective: [], permitted: [], inheritable: [], ambient: [] },
    rlimits: [{ type: 'RLIMIT_CORE', soft: 0, hard: 0 }],
    noNewPrivileges: true,
    oomScoreAdj: 0,
  },
  mounts: [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid'] },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'gid=5'] },
    { destination: '/v', type: 'bind', source: '/srv/v', options: ['rbind', 'rro', 'ridmap'] },
  ],
  annotations: {},
  linux: {
    namespaces: [],
    cgroupsPath: '/rkt',
    resources: { pids: { limit: 10 } },
    maskedPaths: ['/sys/firmware/', '/proc/acpi/', '/proc/kcore'],
    readonlyPaths: ['/proc/sys'],
    rootfsPropagation: 'private',
    seccomp: {},
  },
};

function input(pod = manifest(), appConfig = config): PodInput {
  const apps = pod.apps.map((app) => ({ app, config: appConfig }));
  return { dir: '/var/lib/rkt', pod, apps, host: { hierarchies, landlock: 7 } };
}

function planOfApp(from: PodInput): Op[] {
  const [app] = from.apps;
  assert.ok(app);
  return opsOf(appPlan(from, app));
}

function opsOf(lines: readonly Line[]): Op[] {
  return lines.filter((line): line is Op => line.op !== '#');
}

function indexOf(ops: readonly Op[], name: Op['op'], from = 0): number {
  const index = ops.findIndex((op, at) => at >= from && op.op === name);
  assert.notEqual(index, -1, `no ${name}`);
  return index;
}

test('podPlan() and appPlan() are plans that parse and stand the rules', () => {
  const from = input();
  const pod = printPlan(podPlan(from));
  checkPlan(parsePlan(pod, 'plan'), 'plan', 'main');
  assert.deepEqual(parsePlan(pod, 'plan'), opsOf(podPlan(from)));
  const app = printPlan(opsOf(planOfApp(from)));
  checkPlan(parsePlan(app, 'plan'), 'plan', 'app');
});

test('podPlan() takes the lock before it moves the pod, and moves it before anything else is made', () => {
  const names = opsOf(podPlan(input())).map(({ op }) => op);
  assert.deepEqual(names.slice(0, 5), ['open', 'flock', 'renameat2', 'open', 'report']);
});

test('initPlan() leaves pid 1 with CAP_KILL in the user namespace and nothing else', () => {
  const ops = opsOf(initPlan(input()));
  checkPlan(ops, 'init', 'init');
  const after = ops.slice(indexOf(ops, 'open'));
  assert.deepEqual(after[0], { op: 'open', fd: 0, path: '/dev/null', flags: ['O_RDONLY'], mode: 0 });
  assert.deepEqual(after[1], { op: 'setns', fd: 10, flags: ['CLONE_NEWUSER'] });
  const capset = after.find((op) => op.op === 'capset');
  assert.deepEqual(capset, { op: 'capset', effective: ['CAP_KILL'], permitted: ['CAP_KILL'], inheritable: [] });
});

test('podPlan() makes no network namespace for --net=host, and no user namespace where there is none', () => {
  const ops = opsOf(podPlan(input(manifest({ network: 'host', userNamespace: { unavailable: 'x' } }))));
  const made = ops.find((op) => op.op === 'namespaces');
  assert.deepEqual(made?.op === 'namespaces' && made.flags, ['CLONE_NEWUTS', 'CLONE_NEWIPC']);
  const init = opsOf(initPlan(input(manifest({ network: 'host', userNamespace: { unavailable: 'x' } }))));
  assert.ok(!init.some((op) => op.op === 'ioctl'));
  assert.ok(!init.some((op) => op.op === 'setns' && op.flags.includes('CLONE_NEWUSER')));
});

test('startPlan() starts an app of a pod whose apps come and go, with the same plan of the app', () => {
  const from = input(manifest({ mutable: true }));
  const [app] = from.apps;
  assert.ok(app);
  const ops = opsOf(startPlan(from, app));
  checkPlan(ops, 'start', 'start');
  const last = ops.at(-1);
  assert.equal(last?.op === 'app' && last.plan, 'plan');
  assert.ok(ops.some((op) => op.op === 'mkdir' && op.path.endsWith(`/app-${app.app.name}`)));
  assert.equal(
    opsOf(podPlan(from)).some((op) => op.op === 'supervise' && op.requests_fd !== null),
    true,
  );
});

test('appPlan() lets the overlay of an app that is started again be mounted again', () => {
  const forgets = (from: ReturnType<typeof input>) => planOfApp(from).some((op) => op.op === 'forget_volatile');
  assert.equal(forgets(input()), false);
  assert.equal(forgets(input(manifest({}, { restart: { policy: 'always', limit: 0 } }))), true);
  assert.equal(forgets(input(manifest({ mutable: true }))), true);
});

test('appPlan() opens volumes before the root is entered and attaches them in it, by descriptor', () => {
  const ops = planOfApp(input());
  const pivot = indexOf(ops, 'pivot_root');
  const opened = ops.findIndex((op) => op.op === 'open_tree' && op.path === '/srv/v');
  const target = ops.findIndex((op) => op.op === 'target' && op.path === '/v');
  const proc = ops.findIndex((op) => op.op === 'mount' && op.fstype === 'proc');
  // Volumes come before the file systems of the kernel: no link of an image leads one of them over those.
  assert.ok(opened >= 0 && opened < target && target < pivot && pivot < proc);
  const mapped = ops[opened + 1];
  assert.deepEqual(mapped?.op === 'mount_setattr' && mapped.attr_set, ['MOUNT_ATTR_RDONLY', 'MOUNT_ATTR_IDMAP']);
});

test('appPlan() copies what is to get later mounts of the host before its mounts are private', () => {
  const mount = { destination: '/v', type: 'bind', source: '/srv/v', options: ['rbind', 'rslave'] };
  const ops = planOfApp(input(manifest(), { ...config, mounts: [mount] }));
  const opened = ops.findIndex((op) => op.op === 'open_tree' && op.path === '/srv/v');
  const isPrivate = ops.findIndex((op) => op.op === 'mount' && op.flags.includes('MS_PRIVATE'));
  assert.ok(opened >= 0 && opened < isPrivate);
  const changed = ops[opened + 1];
  assert.deepEqual(changed?.op === 'mount_setattr' && changed.propagation, ['MS_SLAVE']);
});

test('appPlan() looks up a part of a volume inside the volume', () => {
  const mount = { destination: '/v', type: 'bind', source: '/srv/v/a/b', within: '/srv/v', options: ['bind'] };
  const ops = planOfApp(input(manifest(), { ...config, mounts: [mount] }));
  const open = ops.find((op) => op.op === 'openat2');
  assert.deepEqual(open?.op === 'openat2' && [open.path, open.resolve], [
    'a/b',
    ['RESOLVE_IN_ROOT', 'RESOLVE_NO_MAGICLINKS'],
  ]);
  assert.ok(!ops.some((op) => 'path' in op && op.path === mount.source));
});

test('appPlan() mounts more volumes than there are descriptors, each before the next is opened', () => {
  const mounts = Array.from({ length: 100 }, (_, index) => {
    return { destination: `/v${index}`, type: 'bind', source: `/srv/${index}`, options: ['bind'] };
  });
  const plan = printPlan(planOfApp(input(manifest(), { ...config, mounts })));
  checkPlan(parsePlan(plan, 'plan'), 'plan', 'app');
  for (const { destination } of mounts) assert.ok(plan.includes(` ${destination} S_IFDIR`));
});

test('appPlan() opens what comes with all that is mounted below before it mounts the layers there', () => {
  const mount = { destination: '/v', type: 'bind', source: '/var', options: ['rbind'] };
  const ops = planOfApp(input(manifest(), { ...config, mounts: [mount] }));
  const opened = ops.findIndex((op) => op.op === 'open_tree' && op.path === '/var');
  assert.ok(opened >= 0 && opened < indexOf(ops, 'move_mount'));
});

test('podPlan() mounts volumes in memory out of sight of the host, with ids of the pod', () => {
  const volume = { kind: 'tmpfs', name: 'm', readOnly: false, mode: 0o1777, uid: 1, gid: 2, sizeBytes: 4096 } as const;
  const ops = opsOf(podPlan(input(manifest({ volumes: [volume] }))));
  const mounted = ops.findIndex((op) => op.op === 'mount' && op.fstype === 'tmpfs');
  const unshared = ops.findIndex((op) => op.op === 'unshare' && op.flags.includes('CLONE_NEWNS'));
  const slave = ops.findIndex((op) => op.op === 'mount' && op.flags.includes('MS_SLAVE'));
  assert.ok(unshared >= 0 && unshared < slave && slave < mounted && mounted < indexOf(ops, 'app'));
  const op = ops[mounted];
  assert.equal(op?.op === 'mount' && op.data, `size=4096,mode=1777,uid=${(1 << 28) + 1},gid=${(1 << 28) + 2}`);
});

test('podPlan() makes a volume with files of an image as root of the pod, and is root of the host again before the apps', () => {
  const empty = { kind: 'empty', name: 'd', readOnly: false, mode: 0o755, uid: 0, gid: 0 } as const;
  const layers = manifest().apps[0]?.image.layers ?? [];
  const from = input(manifest({ volumes: [{ ...empty, filled: { layers, path: '/data' } }] }));
  const plan = printPlan(podPlan(from));
  checkPlan(parsePlan(plan, 'plan'), 'plan', 'main');
  const ops = opsOf(podPlan(from));
  const overlay = ops.findIndex((op) => op.op === 'mount' && op.fstype === 'overlay');
  const target = ops.findIndex((op) => op.op === 'target' && op.path === '/data');
  const moved = ops.findIndex((op) => op.op === 'move_mount' && op.to_path.endsWith('/volumes/d'));
  assert.ok(overlay >= 0 && overlay < target && target < moved && moved < indexOf(ops, 'app'));
  const ids = ops.flatMap((op, at) => (op.op === 'setfsuid' ? [[op.uid, at]] : []));
  assert.deepEqual(ids.map(([uid]) => uid), [1 << 28, 0]); // prettier-ignore
  assert.ok((ids[0]?.[1] ?? 0) < overlay && target < (ids[1]?.[1] ?? 0) && (ids[1]?.[1] ?? 0) < moved);
});

test('appPlan() joins the layers of an image that is a volume, read-only, in their order', () => {
  const [app] = manifest().apps;
  const volume = { kind: 'image', name: 'i', readOnly: true } as const;
  const image = { id: app?.image.id, name: 'n', layers: app?.image.layers };
  const pod = parsePod(
    JSON.stringify({
      ...manifest({}, { mounts: [{ volume: 'i', target: '/i', readOnly: true }] }),
      volumes: [{ ...volume, image }],
    }),
    'pod.json',
  );
  const ops = planOfApp(input(pod));
  const joined = ops.find((op) => op.op === 'mount' && op.fstype === 'overlay');
  assert.ok(joined?.op === 'mount' && joined.flags.includes('MS_RDONLY') && joined.data.startsWith('lowerdir=1:0,'));
  assert.ok(
    !planOfApp(input()).some((op) => op.op === 'mount' && op.flags.includes('MS_RDONLY') && op.target === 'root'),
  );
});

test('appPlan() makes given devices in the fresh /dev, and gives them to ids of the pod or to root of the host', () => {
  const devices = [
    { path: '/dev/a/b', type: 'b', major: 7, minor: 1, fileMode: 0o666, uid: 0, gid: 3 },
    { path: '/dev/r', type: 'c', major: 1, minor: 5, fileMode: 0o444 },
  ] as const;
  const ops = planOfApp(input(manifest(), { ...config, linux: { ...config.linux, devices } }));
  const dev = ops.findIndex((op) => op.op === 'mount' && op.target === '/dev');
  const made = ops.slice(dev).filter((op) => (op.op === 'mknod' || op.op === 'lchown' || op.op === 'mkdir') && /^.dev.[ar]/.test(op.path)); // prettier-ignore
  const first = 1 << 28;
  assert.deepEqual(made.filter((op) => !('path' in op && /random|zero/.test(op.path))), [
    { op: 'mkdir', path: '/dev/a', mode: 0o755 },
    { op: 'mknod', path: '/dev/a/b', type: 'S_IFBLK', mode: 0o666, major: 7, minor: 1 },
    { op: 'lchown', path: '/dev/a/b', uid: first, gid: first + 3 },
    { op: 'mknod', path: '/dev/r', type: 'S_IFCHR', mode: 0o444, major: 1, minor: 5 },
    { op: 'lchown', path: '/dev/r', uid: 0, gid: 0 },
  ]); // prettier-ignore
});

test('appPlan() shifts the ids of mount options into the user namespace', () => {
  const ops = planOfApp(input());
  const dev = ops.find((op) => op.op === 'mount' && op.target === '/dev');
  assert.equal(dev?.op === 'mount' && dev.data, `gid=${(1 << 28) + 5}`);
});

test('appPlan() takes rights away in an order in which each step is still possible', () => {
  const ops = planOfApp(input());
  const order = (
    ['setns', 'setgroups', 'setresgid', 'capbset', 'setresuid', 'capset', 'prctl', 'seccomp', 'exec'] as const
  ).map((name) => ops.findLastIndex((op) => op.op === name));
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
  assert.equal(ops.at(-1)?.op, 'exec');
  assert.equal(ops.at(-2)?.op, 'seccomp');
});

test('appPlan() scopes abstract sockets in the network of the host only', () => {
  const has = (pod: PodManifest) => planOfApp(input(pod)).some((op) => op.op === 'landlock_restrict_self');
  assert.equal(has(manifest({ network: 'host' })), true);
  assert.equal(has(manifest()), false);
  assert.equal(has(manifest({ network: 'host', insecureOptions: ['landlock'] })), false);
});

test('enterPlan() ends in the very restrictions of the app', () => {
  const from = input();
  const [entered] = from.apps;
  assert.ok(entered);
  const enter = opsOf(
    enterPlan({
      pod: from.pod, entered, host: from.host, process: { pid: 5, parent: 1, nspid: 2 }, args: config.process.args,
      environment: config.process.env, interactive: false,
    }),
  ); // prettier-ignore
  const app = planOfApp(from);
  const tail = (ops: readonly Op[]) => ops.slice(indexOf(ops, 'setsid')).filter((op) => op.op !== 'setns');
  assert.deepEqual(tail(enter), tail(app));
  assert.equal(enter[0]?.op, 'pidfd_open');
});

test('signalNamed() knows names and numbers', () => {
  assert.deepEqual(['SIGTERM', 'TERM', '15', '9'].map(signalNamed), ['SIGTERM', 'SIGTERM', 'SIGTERM', 'SIGKILL']);
  for (const text of ['', '0', '99', 'SIGNOPE']) assert.throws(() => signalNamed(text), { status: 65 }, text);
});

test('initPlan() sets what is the pod’s own as soon as its namespaces are joined, as whom each may be set', () => {
  const sysctls = { 'net/core/somaxconn': '9', 'kernel/sem': '1 2 3 4', 'fs/mqueue/msg_max': '5' };
  const linesOf = (pod: PodManifest) => printPlan(initPlan(input(pod))).split('\n');
  const lines = linesOf(manifest({ sysctls }));
  const first = lines.indexOf('write /proc/sys/net/core/somaxconn 9');
  assert.ok(first > lines.findLastIndex((line) => /^setns \d+ CLONE_NEW(IPC|NET)/.test(line)));
  assert.deepEqual(lines.slice(first + 1, first + 5), [
    `setresuid 0 ${1 << 28} 0`,
    String.raw`write /proc/sys/kernel/sem 1\0402\0403\0404`,
    'write /proc/sys/fs/mqueue/msg_max 5',
    'setresuid 0 0 0',
  ]);
  const unmapped = linesOf(manifest({ sysctls, userNamespace: { unavailable: 'x' } }));
  assert.ok(unmapped.includes('write /proc/sys/fs/mqueue/msg_max 5'));
  assert.deepEqual(
    unmapped.filter((line) => line.startsWith('setresuid')),
    ['setresuid 0 0 0'],
  );
});

test('podPlan() makes the cgroup of a pod once, with the limits of the pod', () => {
  const two = manifest({ resources: { memory: { limit: 8192 } } });
  const [app] = two.apps;
  assert.ok(app);
  const lines = printPlan(podPlan(input({ ...two, apps: [app, { ...app, name: appName('y') }] }))).split('\n');
  const times = (line: string) => lines.filter((other) => other === line).length;
  assert.equal(times(`write /sys/fs/cgroup/rkt/${UUID}/memory.max 8192`), 1);
  assert.equal(times(`mkdir /sys/fs/cgroup/rkt/${UUID} 0755`), 1);
  assert.equal(times(`write /sys/fs/cgroup/rkt/${UUID}/app-y/pids.max 10`), 1);
  assert.ok(
    lines.indexOf(`write /sys/fs/cgroup/rkt/${UUID}/memory.max 8192`) <
      lines.findIndex((line) => line.startsWith('init ')),
  );
});
