// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';

/** The cgroup below which all of ours lie, in every hierarchy. */
const PREFIX = 'rkt';

/** The cgroup of rkt in a hierarchy. */
export function prefixDirectory(mount: string): string {
  return `${mount}/${PREFIX}`;
}

/** The cgroup of a pod in a hierarchy. */
export function podDirectory(mount: string, pod: string): string {
  return `${prefixDirectory(mount)}/${component(pod)}`;
}

/** The cgroup of the pod's pid 1. */
export function supervisorDirectory(mount: string, pod: string): string {
  return `${podDirectory(mount, pod)}/supervisor`;
}

/** The cgroup of an app; the prefix keeps the name of an app from meeting names of ours or of the kernel. */
export function appDirectory(mount: string, pod: string, app: string): string {
  return `${podDirectory(mount, pod)}/app-${component(app)}`;
}

// Callers pass checked names. These paths are written to and removed as root, so the check stands here as well.
function component(name: string): string {
  if (name.length <= 64 && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) return name;
  const shown = name.slice(0, 64).replace(/[^!-~]/g, '?');
  throw new Failure(EXIT.dataRefused, `cannot name a cgroup "${shown}": wanted letters, digits, dots and hyphens`);
}
