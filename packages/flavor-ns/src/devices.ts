// SPDX-License-Identifier: Apache-2.0
import { type PodManifest, type RuntimeDevice } from '@rkt/formats';
import { type Line } from '@rkt/plan';

/** The devices that every Linux program may expect: config-linux.md, "Default Devices". */
const NODES = [
  { name: 'null', major: 1, minor: 3 },
  { name: 'zero', major: 1, minor: 5 },
  { name: 'full', major: 1, minor: 7 },
  { name: 'random', major: 1, minor: 8 },
  { name: 'urandom', major: 1, minor: 9 },
  { name: 'tty', major: 5, minor: 0 },
] as const;

/** The links that the specification asks for: "Default Symlinks". */
const LINKS = [
  { name: 'fd', target: '/proc/self/fd' },
  { name: 'stdin', target: '/proc/self/fd/0' },
  { name: 'stdout', target: '/proc/self/fd/1' },
  { name: 'stderr', target: '/proc/self/fd/2' },
  { name: 'ptmx', target: 'pts/ptmx' },
] as const;

/** The entries of a fresh /dev, which is a file system of our own: no path of the image is followed. */
export function deviceNodes(): Line[] {
  return [
    ...NODES.map(({ name, major, minor }): Line => {
      return { op: 'mknod', path: `/dev/${name}`, type: 'S_IFCHR', mode: 0o666, major, minor };
    }),
    ...LINKS.map(({ name, target }): Line => ({ op: 'symlink', target, path: `/dev/${name}` })),
  ];
}

/** The devices that the app is given, in the same file system; their owners are ids of the pod, or else root of the host. */
export function givenDevices({ userNamespace }: PodManifest, devices: readonly RuntimeDevice[] = []): Line[] {
  const shift = 'first' in userNamespace ? userNamespace.first : 0;
  const owner = (id: number | undefined) => (id === undefined ? 0 : id + shift);
  const directories = new Set(devices.flatMap(({ path }) => parentsOf(path)));
  return [
    ...[...directories].map((path): Line => ({ op: 'mkdir', path, mode: 0o755 })),
    ...devices.flatMap(({ path, type, major, minor, fileMode, uid, gid }): Line[] => [
      { op: 'mknod', path, type: type === 'b' ? 'S_IFBLK' : 'S_IFCHR', mode: fileMode, major, minor },
      { op: 'lchown', path, uid: owner(uid), gid: owner(gid) },
    ]),
  ];
}

/** The directories between /dev and the path, the outermost first. */
function parentsOf(path: string): string[] {
  const names = path.split('/').slice(2, -1);
  return names.map((_, index) => `/dev/${names.slice(0, index + 1).join('/')}`);
}
