// SPDX-License-Identifier: Apache-2.0
import type { Op, OpOf } from '@rkt/plan';
import { mountsOf, trackedMount, type Hierarchies } from './hierarchies.ts';
import { appDirectory, podDirectory, prefixDirectory, supervisorDirectory } from './paths.ts';
import { placesOf, type CgroupPath, type Place } from './places.ts';
import type { Resources } from './resources.ts';
import type { Setting } from './row.ts';

/** What the cgroups of an app are compiled from. */
export interface CgroupInput extends CgroupPath {
  /** `linux.resources`; processes are limited to `DEFAULT_PIDS` if it says nothing of them. */
  readonly resources: Resources;
  /** What holds over all apps of the pod. */
  readonly podResources?: Resources | undefined;
  /** The descriptor that `openApp` opens on the v2 cgroup of the app. */
  readonly appFd: number;
  /**
   * The limits that somebody asked for, such as `memory.limit`: the others are dropped with a warning where a machine
   * has no controller for them. Unless given, all but a `pids.limit` of `DEFAULT_PIDS`.
   */
  readonly explicit?: readonly string[];
}

/** The operations of a plan that make the cgroups of an app and put processes into them. */
export interface CgroupOps {
  /** Makes the cgroups of the pod and the app, writes the limits; parts done already do no harm. */
  readonly make: Op[];
  /** Opens the v2 cgroup of the app. */
  readonly openApp: Op[];
  /** What a process does for itself that `clone` or `app` has put into the app's v2 cgroup, if there is v2. */
  readonly joinApp: Op[];
  /** What the parent of the pod removes when it has ended: the cgroups of the app. */
  readonly remove: OpOf<'rmdir_after'>[];
  /** Default limits that this machine cannot set. */
  readonly warnings: readonly string[];
}

/** The cgroups of the pod itself, which has its first process. */
export interface PodCgroupInput {
  readonly hierarchies: Hierarchies;
  /** The UUID of the pod. */
  readonly pod: string;
  /** The descriptor that `make` opens on the v2 cgroup of the pod's first process. */
  readonly supervisorFd: number;
}

/** The operations of a plan that make the cgroup of the pod's first process and put it there. */
export interface PodCgroupOps {
  /** Makes the cgroup and opens it. */
  readonly make: Op[];
  /** What the first process does for itself: nothing with v2, which it enters by `init`. */
  readonly joinPod: Op[];
  /** What the parent of the pod removes when it has ended, after the cgroups of the apps. */
  readonly remove: OpOf<'rmdir_after'>[];
}

/** Compiles the cgroups of an app. Refuses a limit that was asked for and that this machine cannot set. */
export function cgroupOps(input: CgroupInput): CgroupOps {
  const { hierarchies } = input;
  const { places, warnings } = placesOf(input);
  const v1 = places.filter(({ version }) => version === 1);
  const v2 = places.find(({ version }) => version === 2);
  return {
    make: [...makeUnified(input, v2), ...v1.flatMap((place) => [...makeV1(input, place), ...settingsIn(input, place)])],
    openApp: openApp(input),
    remove: [hierarchies.unified ?? [], v1.map(({ mount }) => mount)]
      .flat()
      .map((mount) => removeAfter(appDirectory(mount, input.pod, input.app))),
    joinApp: v1.map(({ mount }) => join(appDirectory(mount, input.pod, input.app))),
    warnings,
  };
}

/** Compiles the cgroup of the pod's first process. */
export function podCgroupOps({ hierarchies, pod, supervisorFd }: PodCgroupInput): PodCgroupOps {
  const { unified } = hierarchies;
  const mount = unified ?? trackedMount(hierarchies);
  const remove = [
    ...(mount === undefined ? [] : [removeAfter(supervisorDirectory(mount, pod))]),
    ...mountsOf(hierarchies).map((each) => removeAfter(podDirectory(each, pod))),
  ];
  if (mount === undefined) return { make: [], joinPod: [], remove };
  const directory = supervisorDirectory(mount, pod);
  const all = [prefixDirectory(mount), podDirectory(mount, pod), directory];
  if (unified === undefined)
    return { make: all.flatMap(makerOf(hierarchies, mount)), joinPod: [join(directory)], remove };
  return { make: [...all.map(mkdir), open(supervisorFd, directory)], joinPod: [], remove };
}

function makeUnified(input: CgroupInput, place: Place | undefined): Op[] {
  return [...makeV2(input, place), ...(place === undefined ? [] : settingsIn(input, place))];
}

/** Makes the cgroups of v2, with the controllers of the settings. */
export function makeV2({ hierarchies, pod, app }: CgroupPath, place: Place | undefined): Op[] {
  const mount = hierarchies.unified;
  if (mount === undefined) return [];
  const settings = [...(place?.podSettings ?? []), ...(place?.settings ?? [])];
  const needed = [...new Set(settings.map(({ controller }) => controller))];
  // From the top down: a cgroup can pass on what it has. Processes are in leaves only, so no level refuses.
  const enable = (directory: string): Op[] =>
    needed.length === 0
      ? []
      : [
          {
            op: 'write',
            path: `${directory}/cgroup.subtree_control`,
            text: needed.map((name) => `+${name}`).join(' '),
          },
        ];
  return [
    ...enable(mount),
    mkdir(prefixDirectory(mount)),
    ...enable(prefixDirectory(mount)),
    mkdir(podDirectory(mount, pod)),
    ...enable(podDirectory(mount, pod)),
    mkdir(appDirectory(mount, pod, app)),
  ];
}

/** Makes the cgroups of one hierarchy of v1. */
export function makeV1({ hierarchies, pod, app }: CgroupPath, { mount }: Pick<Place, 'mount'>): Op[] {
  const all = [prefixDirectory(mount), podDirectory(mount, pod), appDirectory(mount, pod, app)];
  return all.flatMap(makerOf(hierarchies, mount));
}

/** Makes a directory of a v1 hierarchy: a cpuset begins empty, can only have what its parent has, and admits no process before it has both lists. */
function makerOf({ controllers, cpusetRoot }: Hierarchies, mount: string): (directory: string) => Op[] {
  const cpuset = controllers.get('cpuset');
  const lists = cpuset?.version === 1 && cpuset.mount === mount ? Object.entries(cpusetRoot) : [];
  return (directory) => [
    mkdir(directory),
    ...lists.map(([file, value]) => set(directory, { controller: 'cpuset', file, value })),
  ];
}

// Before any process is inside: a v1 limit below what is used already fails.
function settingsIn({ pod, app }: CgroupPath, { mount, settings, podSettings }: Place): Op[] {
  return [
    ...podSettings.map((setting) => set(podDirectory(mount, pod), setting)),
    ...settings.map((setting) => set(appDirectory(mount, pod, app), setting)),
  ];
}

function openApp({ hierarchies, pod, app, appFd }: CgroupInput): Op[] {
  return hierarchies.unified === undefined ? [] : [open(appFd, appDirectory(hierarchies.unified, pod, app))];
}

function mkdir(path: string): Op {
  return { op: 'mkdir', path, mode: 0o755 };
}

function removeAfter(path: string): OpOf<'rmdir_after'> {
  return { op: 'rmdir_after', path };
}

function open(fd: number, path: string): Op {
  return { op: 'open', fd, path, flags: ['O_RDONLY', 'O_DIRECTORY', 'O_CLOEXEC'], mode: 0 };
}

function set(directory: string, { file, value }: Setting): Op {
  return { op: 'write', path: `${directory}/${file}`, text: value };
}

// `0` in `tasks` moves the thread that writes, which is all there is of the process. A pid, or `cgroup.procs`, would make
// the kernel take the machine's lock on thread groups, which waits for a grace period of RCU: milliseconds instead of
// microseconds.
function join(directory: string): Op {
  return { op: 'write', path: `${directory}/tasks`, text: '0' };
}
