// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { hasCode, nameIn } from '@rkt/exit';
import { cgroupMounts, type CgroupMount } from './mounts.ts';

/** Where a controller lives. */
export interface Hierarchy {
  readonly version: 1 | 2;
  readonly mount: string;
}

/** Where the controllers of a machine really live: all on v1, all on v2, or some on each. */
export interface Hierarchies {
  /** The mount of cgroup v2, if there is one: of use for groups of processes also without any controller. */
  readonly unified: string | undefined;
  /** By name, as v1 and v2 name them: block devices are `blkio` on v1 and `io` on v2. */
  readonly controllers: ReadonlyMap<string, Hierarchy>;
  /** The files of the v1 cpuset hierarchy that are empty in a new cgroup, and what its root has in them. */
  readonly cpusetRoot: Readonly<Record<string, string>>;
  /** They are what somebody without root may use. */
  readonly isDelegated?: boolean;
}

/** What `readHierarchies` reads: texts of the kernel. */
export interface HierarchyTexts {
  /** /proc/self/mountinfo. */
  readonly mountinfo: string;
  /** `cgroup.controllers` of the v2 mount: the controllers that may be enabled there. */
  readonly controllers: string;
  /** The v1 cpuset root, see `Hierarchies`. */
  readonly cpusetRoot?: Readonly<Record<string, string>>;
}

const CPUSET_FILES = ['cpuset.cpus', 'cpuset.mems'] as const;

/** Where each controller lives, from texts of the kernel. */
export function readHierarchies({ mountinfo, controllers, cpusetRoot = {} }: HierarchyTexts): Hierarchies {
  const mounts = usable(mountinfo);
  const unified = unifiedOf(mounts);
  const found = new Map<string, Hierarchy>();
  for (const { version, mount, controllers: names } of mounts) {
    for (const name of names) if (!found.has(name)) found.set(name, { version, mount });
  }
  if (unified !== undefined) {
    // v2 lists only what no v1 hierarchy holds.
    for (const name of words(controllers)) found.set(name, { version: 2, mount: unified });
  }
  return { unified, controllers: found, cpusetRoot };
}

/** Where each controller of this machine lives, as this process sees it. */
export function hostHierarchies(): Hierarchies {
  const path = '/proc/self/mountinfo';
  const mountinfo = nameIn(path, () => readFileSync(path, 'utf8'));
  const mounts = usable(mountinfo);
  const unified = unifiedOf(mounts);
  const cpuset = mounts.find(({ controllers }) => controllers.includes('cpuset'));
  return readHierarchies({
    mountinfo,
    controllers: unified === undefined ? '' : offered(unified),
    cpusetRoot: cpuset === undefined ? {} : contents(cpuset.mount),
  });
}

/** The distinct mounts of all hierarchies, that of v2 first. */
export function mountsOf({ unified, controllers }: Hierarchies): string[] {
  const v1 = [...controllers.values()].filter(({ version }) => version === 1).map(({ mount }) => mount);
  return [...new Set(unified === undefined ? v1 : [unified, ...v1])];
}

/** The v1 hierarchy that, where there is no v2, has all processes of a pod, so that they can be found and killed. */
export function trackedMount({ unified, controllers }: Hierarchies): string | undefined {
  if (unified !== undefined) return undefined;
  return (controllers.get('pids') ?? [...controllers.values()][0])?.mount;
}

/**
 * The mounts of cgroups that can be written to, the best first: the same hierarchy may be mounted twice, once as a part
 * only, and the whole is better, since limits above it are known.
 */
export function usable(mountinfo: string): CgroupMount[] {
  const mounts = cgroupMounts(mountinfo).filter(({ writable }) => writable);
  return [...mounts.filter(({ root }) => root === '/'), ...mounts.filter(({ root }) => root !== '/')];
}

/** The mount of cgroup v2 among them. */
export function unifiedOf(mounts: readonly CgroupMount[]): string | undefined {
  return mounts.find(({ version }) => version === 2)?.mount;
}

/**
 * The controllers that children of a v2 cgroup can get.
 *
 * Inside a container the mount may show a cgroup below the root; only the root has no `cgroup.type`. Such a cgroup gives
 * nothing new to children while it has processes of its own: cgroups(7), "no internal processes".
 */
export function offered(unified: string): string {
  const isRoot = read(`${unified}/cgroup.type`) === undefined;
  const isOccupied = !isRoot && words(read(`${unified}/cgroup.procs`) ?? '').length > 0;
  return read(`${unified}/${isOccupied ? 'cgroup.subtree_control' : 'cgroup.controllers'}`) ?? '';
}

function contents(mount: string): Record<string, string> {
  return Object.fromEntries(CPUSET_FILES.map((file) => [file, read(`${mount}/${file}`)?.trim() ?? '']));
}

/** The text of a file of a cgroup, undefined if there is none. */
export function read(path: string): string | undefined {
  try {
    return nameIn(path, () => readFileSync(path, 'utf8'));
  } catch (error) {
    // ENODEV: the cgroup was removed while its file was open.
    if (hasCode(error, 'ENOENT', 'ENODEV')) return undefined;
    throw error;
  }
}

/** The words of a text of the kernel. */
export function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
