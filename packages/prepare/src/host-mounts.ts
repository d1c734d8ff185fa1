// SPDX-License-Identifier: Apache-2.0
import { readText } from '@rkt/files';

/** A mount of the host: a line of /proc/self/mountinfo, see proc_pid_mountinfo(5). */
export interface HostMount {
  readonly point: string;
  readonly type: string;
  /** It passes on what is mounted there. */
  readonly isShared: boolean;
  /** It gets what others pass on. */
  readonly isSlave: boolean;
}

/** The mounts of this process, in the order in which they were made. */
export function readHostMounts(): HostMount[] {
  return parseHostMounts(readText('/proc/self/mountinfo'));
}

/** The mounts that the text of a mountinfo file tells. */
export function parseHostMounts(text: string): HostMount[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [before = '', after = ''] = line.split(' - ');
      const [, , , , point = '', , ...tags] = before.split(' ');
      return {
        point: unescape(point),
        type: after.split(' ')[0] ?? '',
        isShared: tags.some((tag) => tag.startsWith('shared:')),
        isSlave: tags.some((tag) => tag.startsWith('master:')),
      };
    });
}

/** The mount that a path without links is on: of those at one place, the last is what is seen. */
export function mountOf(mounts: readonly HostMount[], path: string): HostMount | undefined {
  return mounts
    .filter(({ point }) => isAtOrBelow(path, point))
    .reduce<HostMount | undefined>((best, mount) => {
      return best === undefined || mount.point.length >= best.point.length ? mount : best;
    }, undefined);
}

/** The mounts below a path, not on it. */
export function mountsUnder(mounts: readonly HostMount[], path: string): HostMount[] {
  return mounts.filter(({ point }) => point !== path && isAtOrBelow(point, path));
}

function isAtOrBelow(path: string, above: string): boolean {
  return path === above || path.startsWith(above === '/' ? '/' : `${above}/`);
}

function unescape(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
