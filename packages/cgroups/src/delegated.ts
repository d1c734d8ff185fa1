// SPDX-License-Identifier: Apache-2.0
import { accessSync, constants, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { hasCode } from '@rkt/exit';
import { hostHierarchies, offered, read, unifiedOf, usable, words, type Hierarchies } from './hierarchies.ts';

/** What a user without root may do with cgroups: nothing where nobody has delegated any. */
const NONE: Hierarchies = { unified: undefined, controllers: new Map(), cpusetRoot: {}, isDelegated: true };

/**
 * The part of cgroup v2 that was delegated to the calling user: nothing, or a cgroup in place of the root.
 *
 * It is the nearest one at or above the caller's own that the user may change and that has no processes: only there
 * controllers can be passed on. Without such a one the caller's own does, for what needs no controller.
 * No cgroup of v1 can be delegated safely: cgroups(7).
 */
export function delegatedHierarchies(): Hierarchies {
  const mount = unifiedOf(usable(readFileSync('/proc/self/mountinfo', 'utf8')));
  const own = /^0::(\/.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];
  if (mount === undefined || own === undefined || own.startsWith('/..')) return NONE;
  const candidates = delegatedAbove(mount, own === '/' ? mount : `${mount}${own}`);
  const chosen = candidates.find((path) => words(read(`${path}/cgroup.procs`) ?? '').length === 0) ?? candidates[0];
  return chosen === undefined ? NONE : delegated(chosen);
}

/**
 * The hierarchies in which a pod has its cgroups; what is not known of a user's pod is as it is now.
 *
 * A user's manifest counts for the user alone: root kills and removes nothing at a place that somebody else names.
 */
export function hierarchiesOf(
  pod: { readonly owner?: { readonly cgroup?: string | undefined } | undefined } | undefined,
): Hierarchies {
  if (process.geteuid?.() === 0) return hostHierarchies();
  return pod === undefined ? delegatedHierarchies() : delegated(pod.owner?.cgroup);
}

function delegated(cgroup: string | undefined): Hierarchies {
  if (cgroup === undefined) return NONE;
  const controllers = words(offered(cgroup)).map((name) => [name, { version: 2 as const, mount: cgroup }] as const);
  return { ...NONE, unified: cgroup, controllers: new Map(controllers) };
}

function delegatedAbove(mount: string, own: string): string[] {
  const found: string[] = [];
  for (let path = own; isWritable(path); path = dirname(path)) {
    found.push(path);
    if (path === mount) break;
  }
  return found;
}

/** What delegation means: making cgroups, moving processes, passing controllers on. */
function isWritable(cgroup: string): boolean {
  return ['', '/cgroup.procs', '/cgroup.subtree_control'].every((file) => {
    try {
      accessSync(cgroup + file, constants.W_OK);
      return true;
    } catch (error) {
      if (hasCode(error, 'EACCES', 'EROFS', 'ENOENT', 'EPERM')) return false;
      throw error;
    }
  });
}
