// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { trackedMount, type Hierarchies } from './hierarchies.ts';
import { limitsOf } from './limits.ts';
import { DEFAULT_PIDS, type Resources } from './resources.ts';
import type { Limit, Setting } from './row.ts';

/** Which cgroups are meant. */
export interface CgroupPath {
  readonly hierarchies: Hierarchies;
  /** The UUID of the pod. */
  readonly pod: string;
  /** The name of the app. */
  readonly app: string;
}

/** What is limited, and where. */
export interface Limited {
  readonly hierarchies: Hierarchies;
  readonly resources: Resources;
  readonly podResources?: Resources | undefined;
  readonly explicit?: readonly string[];
}

/** The settings of one v1 hierarchy or of v2. */
export interface Place {
  readonly version: 1 | 2;
  readonly mount: string;
  /** Of the app. */
  readonly settings: readonly Setting[];
  /** Of the pod that has the app. */
  readonly podSettings: readonly Setting[];
}

/** The hierarchies in which an app needs cgroups, and the default limits that this machine cannot set. */
export function placesOf(limited: Limited): {
  readonly places: readonly Place[];
  readonly warnings: readonly string[];
} {
  const { hierarchies, resources, podResources = {} } = limited;
  const warnings: string[] = [];
  const tracked = trackedMount(hierarchies);
  const places = new Map<string, Place>();
  if (tracked !== undefined) places.set(tracked, { version: 1, mount: tracked, settings: [], podSettings: [] });
  const add = (limit: Limit, kind: 'settings' | 'podSettings', isAskedFor: boolean) => {
    const found = placeOf(limit, hierarchies);
    if (found === undefined) {
      if (isAskedFor) throw new Failure(EXIT.configuration, missing(limit, hierarchies));
      warnings.push(missing(limit, hierarchies));
      return;
    }
    const { version, mount, settings } = found;
    const place: Place = places.get(mount) ?? { version, mount, settings: [], podSettings: [] };
    places.set(mount, { ...place, [kind]: [...place[kind], ...settings] });
  };
  for (const limit of limitsOf(podResources)) add(limit, 'podSettings', true);
  for (const limit of limitsOf({ ...resources, pids: resources.pids ?? { limit: DEFAULT_PIDS } })) {
    add(limit, 'settings', isExplicit(limit, limited));
  }
  return { places: [...places.values()], warnings };
}

interface Found {
  readonly version: 1 | 2;
  readonly mount: string;
  readonly settings: readonly Setting[];
}

function placeOf(limit: Limit, { controllers }: Hierarchies): Found | undefined {
  for (const version of [1, 2] as const) {
    const settings = version === 1 ? limit.v1 : limit.v2;
    const mounts = settings.map(({ controller }) => controllers.get(controller));
    const [first] = mounts;
    if (first === undefined || !mounts.every((other) => other?.version === version && other.mount === first.mount))
      continue;
    return { version, mount: first.mount, settings };
  }
  return undefined;
}

function isExplicit({ resource }: Limit, { explicit, resources }: Limited): boolean {
  if (explicit !== undefined) return explicit.includes(resource);
  return resource !== 'pids.limit' || (resources.pids !== undefined && resources.pids.limit !== DEFAULT_PIDS);
}

function missing({ resource, v1, v2 }: Limit, { isDelegated }: Hierarchies): string {
  const names = [...new Set([...v1, ...v2].map(({ controller }) => controller))].join(' or ');
  if (isDelegated === true)
    return `cannot limit "${resource}": no ${names} controller of cgroup v2 is delegated to you`;
  const version = v1.length === 0 ? ' of cgroup v2' : '';
  return `cannot limit "${resource}": this machine offers no ${names} controller${version}`;
}
