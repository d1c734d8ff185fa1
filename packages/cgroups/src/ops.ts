// SPDX-License-Identifier: Apache-2.0
import type { Op, OpOf } from '@rkt/plan';
import { trackedMount } from './hierarchies.ts';
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
  /** The descriptor that `make` opens on the v2 cgroup of the pod's pid 1. */
  readonly supervisorFd: number;
  /** The descriptor that `make` and `openApp` open on the v2 cgroup of the app. */
  readonly appFd: number;
  /**
   * The limits that somebody asked for, such as `memory.limit`: the others are dropped with a warning where a machine
   * has no controller for them. Unless given, all but a `pids.limit` of `DEFAULT_PIDS`.
   */
  readonly explicit?: readonly string[];
}

/** The operations of a plan that make the cgroups of an app and put processes into them. */
export interface CgroupOps {
  /** Makes the cgroups of the pod and the app, writes the limits, opens the v2 cgroups; parts done already do no harm. */
  readonly make: Op[];
  /** Opens the v2 cgroup of an app that runs. */
  readonly openApp: Op[];
  /** What pid 1 does for itself: nothing with v2, which it enters by `clone`. */
  readonly joinPod: Op[];
  /** What a process does for itself that `clone` or `app` has put into the app's v2 cgroup, if there is v2. */
  readonly joinApp: Op[];
  /** What the parent of the pod removes when it has ended: the cgroups that `make` made, but not those of others. */
  readonly remove: OpOf<'rmdir_after'>[];
  /** Default limits that this machine cannot set. */
  readonly warnings: readonly string[];
}

/** Compiles the cgroups of an app. Refuses a limit that was asked for and that this machine cannot set. */
export function cgroupOps(input: CgroupInput): CgroupOps {
  const { hierarchies } = input;
  const tracked = trackedMount(hierarchies);
  const { places, warnings } = placesOf(input);
  const v1 = places.filter(({ version }) => version === 1);
  const v2 = places.find(({ version }) => version === 2);
  return {
    make: [...makeUnified(input, v2), ...v1.flatMap((place) => [...makeV1(input, place), ...settingsIn(input, place)])],
    openApp: openApp(input),
    joinPod: tracked === undefined ? [] : [join(supervisorDirectory(tracked, input.pod))],
    remove: removeAll(input, [hierarchies.unified ?? [], v1.map(({ mount }) => mount)].flat()),
    joinApp: v1.map(({ mount }) => join(appDirectory(mount, input.pod, input.app))),
    warnings,
  };
}

function removeAll({ hierarchies, pod, app }: CgroupPath, mounts: readonly string[]): OpOf<'rmdir_after'>[] {
  const supervised = hierarchies.unified ?? trackedMount(hierarchies);
  return mounts.flatMap((mount) => [
    removeAfter(appDirectory(mount, pod, app)),
    ...(mount === supervised ? [removeAfter(supervisorDirectory(mount, pod))] : []),
    removeAfter(podDirectory(mount, pod)),
  ]);
}

function makeUnified(input: CgroupInput, place: Place | undefined): Op[] {
  const { hierarchies, pod, supervisorFd } = input;
  if (hierarchies.unified === undefined) return [];
  return [
    ...makeV2(input, place),
    ...(place === undefined ? [] : settingsIn(input, place)),
    open(supervisorFd, supervisorDirectory(hierarchies.unified, pod)),
    ...openApp(input),
  ];
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
    mkdir(supervisorDirectory(mount, pod)),
    mkdir(appDirectory(mount, pod, app)),
  ];
}

/** Makes the cgroups of one hierarchy of v1. */
export function makeV1({ hierarchies, pod, app }: CgroupPath, { mount }: Pick<Place, 'mount'>): Op[] {
  // A v1 cpuset begins empty, can only have what its parent has, and admits no process before it has both lists.
  const cpuset = hierarchies.controllers.get('cpuset');
  const lists = cpuset?.version === 1 && cpuset.mount === mount ? Object.entries(hierarchies.cpusetRoot) : [];
  const make = (directory: string): Op[] => [
    mkdir(directory),
    ...lists.map(([file, value]) => set(directory, { controller: 'cpuset', file, value })),
  ];
  return [
    ...make(prefixDirectory(mount)),
    ...make(podDirectory(mount, pod)),
    ...(mount === trackedMount(hierarchies) ? make(supervisorDirectory(mount, pod)) : []),
    ...make(appDirectory(mount, pod, app)),
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
