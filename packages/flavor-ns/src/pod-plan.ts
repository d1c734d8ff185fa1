// SPDX-License-Identifier: Apache-2.0
import { cgroupOps, podCgroupOps, type CgroupOps, type PodCgroupOps } from '@rkt/cgroups';
import { type PodApp, type PodManifest, type RuntimeConfig } from '@rkt/formats';
import { printPlan, type Flag, type Line } from '@rkt/plan';
import { comment, FD, type Host, userNamespaceFd } from './host.ts';
import { ownVolumes } from './own-volumes.ts';
import { signalNamed } from './signals.ts';
import { sysctls } from './sysctls.ts';
import { podWithoutRoot, withoutRoot } from './without-root.ts';

/** An app of the pod and its runtime configuration. */
export interface CompiledFrom {
  readonly app: PodApp;
  readonly config: RuntimeConfig;
}

/** What a pod is compiled from. */
export interface PodInput {
  /** rkt's data directory. */
  readonly dir: string;
  readonly pod: PodManifest;
  readonly apps: readonly CompiledFrom[];
  readonly host: Host;
}

/** How long an app may take to end after its stop signal. */
const GRACE_MS = 10_000;

/** The plan of the pod: from the lock to its supervision. */
export function podPlan(input: PodInput): Line[] {
  const { pod, dir } = input;
  const prepared = `${dir}/pods/prepared/${pod.uuid}`;
  const running = `${dir}/pods/run/${pod.uuid}`;
  return podWithoutRoot(pod, [
    comment(`pod ${pod.uuid}: what root does to run it, see rkt-plan(5)`),
    ...sealed(pod),
    comment('claim the pod: whoever holds this lock is the pod'),
    { op: 'open', fd: FD.lock, path: prepared, flags: ['O_RDONLY', 'O_DIRECTORY', 'O_CLOEXEC'], mode: 0 },
    { op: 'flock', fd: FD.lock, operation: ['LOCK_EX', 'LOCK_NB'] },
    { op: 'renameat2', oldpath: prepared, newpath: running, flags: ['RENAME_NOREPLACE'] },
    appendTo(FD.report, `${running}/error`),
    { op: 'report', fd: FD.report },
    appendTo(FD.podStatus, `${running}/status`),
    ...(pod.mutable ? openRequests(`${running}/requests`) : []),
    comment('cgroups'),
    ...distinct([...podCgroups(input).make, ...cgroupsOf(input).flatMap(({ make }) => make)]),
    ...namespaces(input),
    ...supervision(input),
  ]);
}

/** The plan of the pod's first process, which has nothing to do but to be there, and to end the pod with its supervisor. */
export function initPlan(input: PodInput): Line[] {
  const { pod } = input;
  return withoutRoot(pod, [
    comment(`the first process of pod ${pod.uuid}`),
    ...podCgroups(input).joinPod,
    ...joinNamespaces(pod),
    { op: 'sethostname', name: pod.hostname },
    ...(pod.network === 'none' ? privateNetwork(pod) : []),
    ...sysctls(pod),
    comment('it keeps nothing but the right to signal the processes of the pod'),
    ...noInput(),
    ...initRestrictions(pod),
    { op: 'reap' },
  ]);
}

/** The plan by which a running pod starts an app that was not there when it was prepared. */
export function startPlan(input: PodInput, from: CompiledFrom): Line[] {
  return withoutRoot(input.pod, [
    comment(`start app ${from.app.name} of pod ${input.pod.uuid}`),
    ...cgroupOf(input, from).make,
    ...startOf(input, from, 'plan'),
  ]);
}

/** Root of a pod that is root of the host could change the program of the host that it finds as /proc/self/exe. */
export function sealed(pod: PodManifest): Line[] {
  if ('first' in pod.userNamespace) return [];
  return [comment('the pod has the ids of the host: it must not get at a program of the host'), { op: 'seal' }];
}

/** Opens a file that rkt-prepare made, empty. */
function appendTo(fd: number, path: string): Line {
  return { op: 'open', fd, path, flags: ['O_WRONLY', 'O_APPEND', 'O_NOFOLLOW', 'O_CLOEXEC'], mode: 0 };
}

// Opened for writing as well, so that it never is at its end.
function openRequests(path: string): Line[] {
  return [
    comment('the fifo that says that apps are to come and go'),
    { op: 'mknod', path, type: 'S_IFIFO', mode: 0o600, major: 0, minor: 0 },
    { op: 'open', fd: FD.requests, path, flags: ['O_RDWR', 'O_NONBLOCK', 'O_NOFOLLOW', 'O_CLOEXEC'], mode: 0 },
  ];
}

/** What the cgroup of the pod takes: see @rkt/cgroups. */
function podCgroups({ pod, host }: PodInput): PodCgroupOps {
  return podCgroupOps({ hierarchies: host.hierarchies, pod: pod.uuid, supervisorFd: FD.supervisorCgroup });
}

/** What the cgroups of an app take. */
export function cgroupOf({ pod, host }: Pick<PodInput, 'pod' | 'host'>, { app, config }: CompiledFrom): CgroupOps {
  return cgroupOps({
    hierarchies: host.hierarchies,
    pod: pod.uuid,
    app: app.name,
    resources: config.linux.resources,
    podResources: pod.resources,
    appFd: FD.appCgroup,
  });
}

function cgroupsOf(input: PodInput): CgroupOps[] {
  return input.apps.map((from) => cgroupOf(input, from));
}

/** What all apps have in common, such as the cgroup of the pod, is made once. */
function distinct(lines: readonly Line[]): Line[] {
  const texts = lines.map((line) => printPlan([line]));
  return lines.filter((_, index) => texts.indexOf(texts[index] ?? '') === index);
}

/** Limits that come by default and that this machine cannot set, one sentence each. */
export function limitWarnings(input: PodInput): string[] {
  return [...new Set(cgroupsOf(input).flatMap(({ warnings }) => warnings))];
}

/** The namespaces of the pod that this process only makes: its first process joins them. */
function ownedNamespaces(pod: PodManifest): Flag<'namespaces'>[] {
  const user: Flag<'namespaces'>[] = 'first' in pod.userNamespace ? ['CLONE_NEWUSER'] : [];
  const net: Flag<'namespaces'>[] = pod.network === 'none' ? ['CLONE_NEWNET'] : [];
  const ipc: Flag<'namespaces'>[] = pod.ipc === 'host' ? [] : ['CLONE_NEWIPC'];
  return [...user, ...net, 'CLONE_NEWUTS', ...ipc];
}

/** The cgroups of all apps, each after those below it. */
function removals(input: PodInput): Line[] {
  const made = new Set(cgroupsOf(input).flatMap(({ make }) => make.map((op) => ('path' in op ? op.path : ''))));
  // Those of apps that come later are removed with them, or collected.
  const ofPod = podCgroups(input).remove.filter(
    ({ path }) => input.pod.mutable || made.has(path) || path.endsWith('/supervisor'),
  );
  const all = [...cgroupsOf(input).flatMap(({ remove }) => remove), ...ofPod];
  return all.length === 0 ? [] : [comment('what is left of the cgroups when the pod has ended'), ...all];
}

function namespaces(input: PodInput): Line[] {
  const { pod, host } = input;
  const { userNamespace } = pod;
  const map = 'first' in userNamespace ? [{ inside: 0, outside: userNamespace.first, count: userNamespace.count }] : [];
  const supervisor = host.hierarchies.unified === undefined ? null : FD.supervisorCgroup;
  const interactive = pod.apps.some((app) => app.interactive);
  return [
    comment('namespaces: the user namespace owns the others, so the pod has no power over those of the host'),
    { op: 'namespaces', flags: ownedNamespaces(pod), fd: FD.namespaces, uid_map: map, gid_map: map },
    ...ownVolumes(input),
    comment('input and output: no terminal of the caller goes into the pod'),
    ...(interactive ? interactiveTerminal() : noInput()),
    { op: 'pipes' },
    ...removals(input),
    comment('the first process of the pod; this one watches it'),
    { op: 'init', file: 'init', cgroup_fd: supervisor, status_fd: FD.podStatus },
  ];
}

/** The lines that give an interactive app a terminal of its own, relayed by the parent. */
export function interactiveTerminal(): Line[] {
  return [
    { op: 'socketpair', fd: FD.terminal, peer: FD.terminalPeer },
    { op: 'terminal', fd: FD.terminal },
  ];
}

function noInput(): Line[] {
  return [{ op: 'open', fd: 0, path: '/dev/null', flags: ['O_RDONLY'], mode: 0 }];
}

/** Into the namespaces of the pod, but for that of its users, which is joined when no more rights are needed. */
export function joinNamespaces(pod: PodManifest): Line[] {
  return ownedNamespaces(pod)
    .map((flag, index) => ({ flag, fd: FD.namespaces + index }))
    .filter(({ flag }) => flag !== 'CLONE_NEWUSER')
    .map(({ flag, fd }): Line => ({ op: 'setns', fd, flags: [flag] }));
}

const RESTART = { no: 'RESTART_NO', 'on-failure': 'RESTART_ON_FAILURE', always: 'RESTART_ALWAYS' } as const;
const PROCESSES = { pod: 'PID_POD', app: 'PID_APP', host: 'PID_HOST' } as const;

function startOf(input: Pick<PodInput, 'pod' | 'host'>, from: CompiledFrom, plan: string): Line[] {
  const { app } = from;
  const hasCgroup = input.host.hierarchies.unified !== undefined;
  return [
    ...cgroupOf(input, from).openApp,
    {
      op: 'app',
      name: app.name,
      plan,
      cgroup_fd: hasCgroup ? FD.appCgroup : null,
      stop_signal: signalNamed(app.stopSignal),
      pid_namespace: PROCESSES[app.processes],
      restart: RESTART[app.restart.policy],
      restarts: app.restart.limit,
    },
  ];
}

function supervision(input: PodInput): Line[] {
  const { pod, apps } = input;
  return [
    ...apps.flatMap((from) => startOf(input, from, `apps/${from.app.name}/plan`)),
    {
      op: 'supervise',
      grace_ms: GRACE_MS,
      status_fd: FD.podStatus,
      requests_fd: pod.mutable ? FD.requests : null,
    },
  ];
}

// A network of its own gives the pod back what the default capabilities lack: ping without CAP_NET_RAW,
// and low ports for apps that are not root. The kernel reads the groups as ids of whoever writes: of the host.
function privateNetwork(pod: PodManifest): Line[] {
  const { userNamespace: range } = pod;
  const groups = 'first' in range ? `${range.first} ${range.first + range.count - 1}` : '0 2147483647';
  return [
    { op: 'ioctl', interface: 'lo', flags: ['IFF_UP'] },
    { op: 'write', path: '/proc/sys/net/ipv4/ping_group_range', text: groups },
    { op: 'write', path: '/proc/sys/net/ipv4/ip_unprivileged_port_start', text: '0' },
  ];
}

function initRestrictions(pod: PodManifest): Line[] {
  const fd = userNamespaceFd(pod);
  const join: Line[] = fd === null ? [] : [{ op: 'setns', fd, flags: ['CLONE_NEWUSER'] }];
  return [
    ...join,
    { op: 'setgroups', gids: [] },
    { op: 'setresgid', rgid: 0, egid: 0, sgid: 0 },
    { op: 'setresuid', ruid: 0, euid: 0, suid: 0 },
    { op: 'capset', effective: ['CAP_KILL'], permitted: ['CAP_KILL'], inheritable: [] },
    { op: 'prctl', option: 'PR_SET_NO_NEW_PRIVS', value: 1 },
  ];
}
