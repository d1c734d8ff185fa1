// SPDX-License-Identifier: Apache-2.0
import { readdirSync, rmdirSync } from 'node:fs';
import { EXIT, Failure, hasCode } from '@rkt/exit';
import { attempts } from './attempts.ts';
import { hostHierarchies, mountsOf, read, words, type Hierarchies } from './hierarchies.ts';
import { appDirectory, podDirectory } from './paths.ts';
import { write } from './write.ts';

/** The existing cgroups of a pod in all hierarchies, each after those below it. */
export function podCgroups(pod: string, hierarchies: Hierarchies = hostHierarchies()): string[] {
  return mountsOf(hierarchies).flatMap((mount) => deepestFirst(podDirectory(mount, pod)));
}

/** The pids of the processes of a pod, or of one of its apps, as this process sees them. */
export function processesOf(
  { pod, app }: { readonly pod: string; readonly app?: string },
  hierarchies: Hierarchies = hostHierarchies(),
): number[] {
  const tops = mountsOf(hierarchies).map((mount) => directoryOf(mount, { pod, ...(app !== undefined && { app }) }));
  const pids = tops.flatMap(deepestFirst).flatMap((path) => words(read(`${path}/cgroup.procs`) ?? '').map(Number));
  // 0 stands for a process of a pid namespace outside ours.
  return [...new Set(pids)].filter((pid) => pid > 0).toSorted((a, b) => a - b);
}

function directoryOf(mount: string, { pod, app }: Killed): string {
  return app === undefined ? podDirectory(mount, pod) : appDirectory(mount, pod, app);
}

/** Kills all processes of a pod and waits until none is left. */
export async function killPod(pod: string, hierarchies: Hierarchies = hostHierarchies()): Promise<void> {
  return killAll({ pod }, hierarchies);
}

/** The same of one app: what its main process has left behind when it has ended. */
export async function killApp(
  path: { readonly pod: string; readonly app: string },
  hierarchies: Hierarchies = hostHierarchies(),
): Promise<void> {
  if (processesOf(path, hierarchies).length > 0) await killAll(path, hierarchies);
}

interface Killed {
  readonly pod: string;
  readonly app?: string;
}

async function killAll(path: Killed, hierarchies: Hierarchies): Promise<void> {
  let left = processesOf(path, hierarchies);
  for await (const _ of attempts()) {
    killOnce(path, hierarchies);
    left = processesOf(path, hierarchies);
    if (left.length === 0) return;
  }
  const name = path.app ?? path.pod;
  throw new Failure(EXIT.system, `cannot kill "${name}": its processes do not end: ${left.slice(0, 8).join(', ')}`);
}

/** Removes the cgroups of a pod whose processes have ended; none there is fine. Nothing outside them is touched. */
export async function removePodCgroups(pod: string, hierarchies: Hierarchies = hostHierarchies()): Promise<void> {
  return removeAll(() => podCgroups(pod, hierarchies));
}

/** The same for one app of a pod that runs. */
export async function removeAppCgroups(
  { pod, app }: { readonly pod: string; readonly app: string },
  hierarchies: Hierarchies = hostHierarchies(),
): Promise<void> {
  return removeAll(() => mountsOf(hierarchies).flatMap((mount) => deepestFirst(appDirectory(mount, pod, app))));
}

async function removeAll(find: () => string[]): Promise<void> {
  let busy: string | undefined;
  for await (const _ of attempts()) {
    [busy] = find().filter((path) => !removeOne(path));
    if (busy === undefined) return;
  }
  throw new Failure(EXIT.system, `cannot remove "${busy ?? ''}": device or resource busy`);
}

/** A v1 hierarchy has no kill, and a process may fork between the reading of the list and the signal: hence again and again. */
function killOnce(killed: Killed, hierarchies: Hierarchies): void {
  const { unified } = hierarchies;
  // An app may be started again, and Linux 6.18 kills what clone3(2) makes in a cgroup that was killed before.
  if (unified !== undefined && killed.app === undefined && killUnified(podDirectory(unified, killed.pod))) return;
  // What the freezer of v1 holds does not die before it is let go.
  for (const path of mountsOf(hierarchies).flatMap((mount) => deepestFirst(directoryOf(mount, killed)))) {
    if (read(`${path}/freezer.state`)?.startsWith('FR') === true) write(`${path}/freezer.state`, 'THAWED');
  }
  for (const pid of processesOf(killed, hierarchies)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (!hasCode(error, 'ESRCH')) throw error;
    }
  }
}

/** True if the kernel does the killing: cgroup.kill is there since Linux 5.14. */
function killUnified(directory: string): boolean {
  try {
    write(`${directory}/cgroup.kill`, '1');
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENODEV', 'EOPNOTSUPP')) return false;
    throw error;
  }
}

// The kernel answers EBUSY while a killed process is still on its way out, or a cgroup below is there.
function removeOne(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return true;
    if (hasCode(error, 'EBUSY')) return false;
    throw error;
  }
}

function deepestFirst(directory: string): string[] {
  let names: string[];
  try {
    names = readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENODEV')) return [];
    throw error;
  }
  return [...names.toSorted().flatMap((name) => deepestFirst(`${directory}/${name}`)), directory];
}
