// SPDX-License-Identifier: Apache-2.0
import { cgroupOps, type CgroupOps } from '@rkt/cgroups';
import { type PodApp, type PodManifest, type RuntimeConfig } from '@rkt/formats';
import { type Flag, type Line } from '@rkt/plan';
import { appDescriptors, comment, FD, type Host, userNamespaceFd } from './host.ts';
import { ownVolumes } from './own-volumes.ts';
import { signalNamed } from './signals.ts';
import { podWithoutRoot } from './without-root.ts';

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

/** The plan of the pod: from the lock to its pid 1. */
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
    ...input.apps.map(({ app }, index) => appendTo(appDescriptors(index).status, `${running}/apps/${app.name}/status`)),
    comment('cgroups'),
    ...cgroupsOf(input).flatMap(({ make }) => make),
    ...namespaces(input),
    ...pidOne(input),
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

/** What the cgroups of each app take: see @rkt/cgroups. */
function cgroupsOf({ pod, apps, host }: PodInput): CgroupOps[] {
  return apps.map(({ app, config }, index) =>
    cgroupOps({
      hierarchies: host.hierarchies,
      pod: pod.uuid,
      app: app.name,
      resources: config.linux.resources,
      supervisorFd: FD.supervisorCgroup,
      appFd: appDescriptors(index).cgroup,
    }),
  );
}

/** Limits that come by default and that this machine cannot set, one sentence each. */
export function limitWarnings(input: PodInput): string[] {
  return [...new Set(cgroupsOf(input).flatMap(({ warnings }) => warnings))];
}

/** The namespaces of the pod that this process only makes: its first process joins them. */
function ownedNamespaces(pod: PodManifest): Flag<'namespaces'>[] {
  const user: Flag<'namespaces'>[] = 'first' in pod.userNamespace ? ['CLONE_NEWUSER'] : [];
  const net: Flag<'namespaces'>[] = pod.network === 'none' ? ['CLONE_NEWNET'] : [];
  return [...user, ...net, 'CLONE_NEWUTS', 'CLONE_NEWIPC'];
}

/** The cgroups of all apps, each after those below it. */
function removals(input: PodInput): Line[] {
  const all = cgroupsOf(input).flatMap(({ remove }) => remove);
  const once = all.filter(({ path }, index) => all.findLastIndex((other) => other.path === path) === index);
  return once.length === 0 ? [] : [comment('what is left of the cgroups when the pod has ended'), ...once];
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
    comment('input and output: no terminal of the caller goes into the pod'),
    ...(interactive ? interactiveTerminal() : noInput()),
    { op: 'pipes' },
    ...removals(input),
    comment('from here on in the first process of the pod; its parent waits and writes the status'),
    {
      op: 'clone',
      flags: ['CLONE_NEWPID'],
      cgroup_fd: supervisor,
      status_fd: FD.podStatus,
      uid_map: [],
      gid_map: [],
    },
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

function pidOne(input: PodInput): Line[] {
  const { dir, pod, apps, host } = input;
  const joins = ownedNamespaces(pod)
    .map((flag, index) => ({ flag, fd: FD.namespaces + index }))
    .filter(({ flag }) => flag !== 'CLONE_NEWUSER')
    .map(({ flag, fd }): Line => ({ op: 'setns', fd, flags: [flag] }));
  const starts = apps.map(({ app }, index): Line => {
    const { status, cgroup } = appDescriptors(index);
    return {
      op: 'app',
      name: app.name,
      plan: `apps/${app.name}/plan`,
      status_fd: status,
      cgroup_fd: host.hierarchies.unified === undefined ? null : cgroup,
      stop_signal: signalNamed(app.stopSignal),
    };
  });
  return [
    ...(cgroupsOf(input)[0]?.joinPod ?? []),
    ...joins,
    { op: 'sethostname', name: pod.hostname },
    ...(pod.network === 'none' ? privateNetwork(pod) : []),
    ...ownVolumes({ dir, pod }),
    ...starts,
    comment('pid 1 keeps nothing but the right to signal the processes of the pod'),
    ...noInput(),
    ...supervisorRestrictions(pod),
    { op: 'supervise', grace_ms: GRACE_MS, status_fd: FD.podStatus },
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

function supervisorRestrictions(pod: PodManifest): Line[] {
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
