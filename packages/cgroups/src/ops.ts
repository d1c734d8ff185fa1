// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import type { Op, OpOf } from '@rkt/plan';
import { mountsOf, type Hierarchies } from './hierarchies.ts';
import { limitsOf, type Limit, type Setting } from './limits.ts';
import { appDirectory, podDirectory, prefixDirectory, supervisorDirectory } from './paths.ts';
import { DEFAULT_PIDS, type Resources } from './resources.ts';

/** What the cgroups of an app are compiled from. */
export interface CgroupInput {
  readonly hierarchies: Hierarchies;
  /** The UUID of the pod. */
  readonly pod: string;
  /** The name of the app. */
  readonly app: string;
  /** `linux.resources`; processes are limited to `DEFAULT_PIDS` if it says nothing of them. */
  readonly resources: Resources;
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

/** The cgroups of the pod itself, which has its pid 1. */
export interface PodCgroupInput {
  readonly hierarchies: Hierarchies;
  /** The UUID of the pod. */
  readonly pod: string;
  /** The descriptor that `make` opens on the v2 cgroup of the pod's pid 1. */
  readonly supervisorFd: number;
}

/** The operations of a plan that make the cgroup of the pod's pid 1 and put it there. */
export interface PodCgroupOps {
  /** Makes the cgroup and opens it. */
  readonly make: Op[];
  /** What pid 1 does for itself: nothing with v2, which it enters by `init`. */
  readonly joinPod: Op[];
  /** What the parent of the pod removes when it has ended, after the cgroups of the apps. */
  readonly remove: OpOf<'rmdir_after'>[];
}

/** The settings of one v1 hierarchy or of v2. */
interface Placed {
  readonly version: 1 | 2;
  readonly mount: string;
  readonly settings: Setting[];
}

/** Compiles the cgroups of an app. Refuses a limit that was asked for and that this machine cannot set. */
export function cgroupOps(input: CgroupInput): CgroupOps {
  const { hierarchies, resources } = input;
  const warnings: string[] = [];
  const tracked = trackedMount(hierarchies);
  const placed = new Map<string, Placed>();
  if (tracked !== undefined) placed.set(tracked, { version: 1, mount: tracked, settings: [] });
  for (const limit of limitsOf({ ...resources, pids: resources.pids ?? { limit: DEFAULT_PIDS } })) {
    const place = placeOf(limit, hierarchies);
    if (place !== undefined) {
      const { settings } = placed.get(place.mount) ?? { settings: [] };
      placed.set(place.mount, { ...place, settings: [...settings, ...place.settings] });
    } else if (isExplicit(limit, input)) throw new Failure(EXIT.configuration, missing(limit, hierarchies));
    else warnings.push(missing(limit, hierarchies));
  }
  const v1 = [...placed.values()].filter(({ version }) => version === 1);
  const v2 = [...placed.values()].find(({ version }) => version === 2)?.settings ?? [];
  return {
    make: [...makeUnified(input, v2), ...v1.flatMap((place) => makeV1(input, place))],
    openApp: openApp(input),
    remove: mountsWith(hierarchies, v1).map((mount) => removeAfter(appDirectory(mount, input.pod, input.app))),
    joinApp: v1.map(({ mount }) => join(appDirectory(mount, input.pod, input.app))),
    warnings,
  };
}

/** Compiles the cgroup of the pod's pid 1. */
export function podCgroupOps({ hierarchies, pod, supervisorFd }: PodCgroupInput): PodCgroupOps {
  const { unified } = hierarchies;
  const mount = unified ?? trackedMount(hierarchies);
  const all = mountsOf(hierarchies);
  const remove = [
    ...(mount === undefined ? [] : [removeAfter(supervisorDirectory(mount, pod))]),
    ...all.map((each) => removeAfter(podDirectory(each, pod))),
  ];
  if (mount === undefined) return { make: [], joinPod: [], remove };
  const directory = supervisorDirectory(mount, pod);
  if (unified === undefined) {
    const make = [prefixDirectory(mount), podDirectory(mount, pod), directory].flatMap(makerOf(hierarchies, mount));
    return { make, joinPod: [join(directory)], remove };
  }
  const make = [prefixDirectory(mount), podDirectory(mount, pod), directory].map(mkdir);
  return { make: [...make, open(supervisorFd, directory)], joinPod: [], remove };
}

function mountsWith({ unified }: Hierarchies, v1: readonly Placed[]): string[] {
  return [unified ?? [], v1.map(({ mount }) => mount)].flat();
}

function placeOf(limit: Limit, { controllers }: Hierarchies): Placed | undefined {
  for (const version of [1, 2] as const) {
    const settings = version === 1 ? limit.v1 : limit.v2;
    const mounts = settings.map(({ controller }) => controllers.get(controller));
    const [first] = mounts;
    if (first === undefined || !mounts.every((other) => other?.version === version && other.mount === first.mount))
      continue;
    return { version, mount: first.mount, settings: [...settings] };
  }
  return undefined;
}

function isExplicit({ resource }: Limit, { explicit, resources }: CgroupInput): boolean {
  if (explicit !== undefined) return explicit.includes(resource);
  return resource !== 'pids.limit' || (resources.pids !== undefined && resources.pids.limit !== DEFAULT_PIDS);
}

function missing({ resource, v1, v2 }: Limit, { isDelegated }: Hierarchies): string {
  const names = [...new Set([...v1, ...v2].map(({ controller }) => controller))].join(' or ');
  return isDelegated === true
    ? `cannot limit "${resource}": no ${names} controller of cgroup v2 is delegated to you`
    : `cannot limit "${resource}": this machine offers no ${names} controller`;
}

function makeUnified(input: CgroupInput, settings: readonly Setting[]): Op[] {
  const { hierarchies, pod, app } = input;
  const mount = hierarchies.unified;
  if (mount === undefined) return [];
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
  const own = appDirectory(mount, pod, app);
  return [
    ...enable(mount),
    mkdir(prefixDirectory(mount)),
    ...enable(prefixDirectory(mount)),
    mkdir(podDirectory(mount, pod)),
    ...enable(podDirectory(mount, pod)),
    mkdir(own),
    ...settings.map((setting) => set(own, setting)),
  ];
}

function makeV1({ hierarchies, pod, app }: CgroupInput, { mount, settings }: Placed): Op[] {
  const make = makerOf(hierarchies, mount);
  const own = appDirectory(mount, pod, app);
  return [
    ...make(prefixDirectory(mount)),
    ...make(podDirectory(mount, pod)),
    ...make(own),
    // Before any process is inside: a v1 limit below what is used already fails.
    ...settings.map((setting) => set(own, setting)),
  ];
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

/** The v1 hierarchy that, where there is no v2, has all processes of a pod, so that they can be found and killed. */
function trackedMount({ unified, controllers }: Hierarchies): string | undefined {
  if (unified !== undefined) return undefined;
  return (controllers.get('pids') ?? [...controllers.values()][0])?.mount;
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
