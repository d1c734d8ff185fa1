// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { type PodManifest, type RuntimeDevice, type RuntimeMount } from '@rkt/formats';
import { printable } from '@rkt/names';
import { type Device } from './devices.ts';

const READ = 0o444;
const WRITE = 0o222;

/**
 * The devices of an app in a pod of root: nodes that are made in its /dev.
 *
 * What is given for reading alone has a node of root of the host: not even root of the pod has power over its mode.
 */
export function deviceNodesOf(
  { owner, userNamespace }: Pick<PodManifest, 'owner' | 'userNamespace'>,
  devices: readonly Device[],
): RuntimeDevice[] {
  if (owner !== undefined) return [];
  return devices.map(({ path, type, major, minor, access, ...node }) => {
    if (access === 'rw') {
      const { fileMode = READ | WRITE, uid = 0, gid = 0 } = node;
      return { path, type, major, minor, fileMode, uid, gid };
    }
    if ('first' in userNamespace) return { path, type, major, minor, fileMode: access === 'r' ? READ : WRITE };
    const why = 'root of a pod without a user namespace is root of the host: wanted both r and w';
    throw new Failure(EXIT.usage, `cannot give device "${printable(path)}" with permission ${access} alone: ${why}`);
  });
}

/** Refuses devices where something is mounted: what an app may change leads nothing that is made there astray. */
export function requireApart(mounts: readonly RuntimeMount[], devices: readonly Device[]): void {
  const isOn = (path: string, other: string) => path === other || path.startsWith(`${other}/`);
  const device = devices.find(({ path }) =>
    mounts.some(({ destination }) => isOn(path, destination) || isOn(destination, path)),
  );
  if (device === undefined) return;
  throw new Failure(EXIT.usage, `cannot use device "${printable(device.path)}": a volume is mounted there`);
}

/** The devices of an app in a pod of a user, who makes no nodes: those of the host, which stay as open to others as they are. */
export function deviceMountsOf({ owner }: Pick<PodManifest, 'owner'>, devices: readonly Device[]): RuntimeMount[] {
  if (owner === undefined) return [];
  return devices.map(({ hostPath, path, access }) => {
    if (access === 'rw') {
      // What is read-only is not the device but its file: the host's node keeps its times and attributes.
      return { destination: path, type: 'bind', source: hostPath, options: ['bind', 'ro', 'nosuid', 'noexec', 'file'] };
    }
    const why = 'without root devices are as open as on the host: wanted both r and w';
    throw new Failure(EXIT.usage, `cannot give device "${printable(path)}" with permission ${access} alone: ${why}`);
  });
}
