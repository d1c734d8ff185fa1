// SPDX-License-Identifier: Apache-2.0
import { readdirSync, statSync, type Stats } from 'node:fs';
import { isAbsolute, join, normalize } from 'node:path';
import { EXIT, Failure, hasCode } from '@rkt/exit';
import { deviceNumbers } from '@rkt/files';
import { type PodVolume } from '@rkt/formats';
import { printable } from '@rkt/names';
import { isOwnDev, type AppMount } from './app-mounts.ts';
import { type PrepareArguments } from './arguments.ts';
import { cannotUse } from './parameters.ts';

/** What processes may do with a device. */
export type Access = 'rw' | 'r' | 'w';

/** A device node of the host that an app gets. */
export interface Device {
  readonly hostPath: string;
  /** Its path in the app. */
  readonly path: string;
  readonly type: 'c' | 'b';
  readonly major: number;
  readonly minor: number;
  readonly access: Access;
  readonly fileMode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** All that comes with the devices of an app. */
export interface AppDevices {
  readonly nodes: readonly Device[];
  readonly env: readonly string[];
  readonly gids: readonly number[];
  readonly volumes: readonly PodVolume[];
  readonly mounts: readonly AppMount[];
}

/** So many nodes that nobody wants more, and few enough for a plan. */
const NODES_MAX = 256;

/** The devices of each app, in the order of the images. */
export async function devicesOf({ images }: PrepareArguments): Promise<AppDevices[]> {
  const all: AppDevices[] = [];
  for (const { given } of images) {
    const names = given.device.filter((text) => !text.startsWith('/'));
    const plain = given.device.filter((text) => text.startsWith('/')).flatMap(parseDevice);
    const number = all.reduce((sum, { volumes }) => sum + volumes.length, 0);
    // Few machines have such devices.
    const cdi = names.length === 0 ? undefined : await (await import('./cdi.ts')).findCdiDevices(names, number);
    const nodes = [...plain, ...(cdi?.nodes ?? [])];
    if (nodes.length > NODES_MAX) throw new Failure(EXIT.usage, `cannot give an app more than ${NODES_MAX} devices`);
    all.push({ env: [], gids: [], volumes: [], mounts: [], ...cdi, nodes: uniqueNodes(nodes) });
  }
  return all;
}

/** One node of each path: the last that somebody asks for. */
function uniqueNodes(nodes: readonly Device[]): Device[] {
  const unique = [...new Map(nodes.map((node) => [node.path, node])).values()];
  const below = unique.find(({ path }) => unique.some((other) => path.startsWith(`${other.path}/`)));
  if (below === undefined) return unique;
  throw new Failure(EXIT.usage, `cannot use device "${printable(below.path)}": it lies below another device`);
}

/** The devices of `HOSTPATH[:PATH][:PERMISSIONS]`; a directory stands for all that are in it. */
export function parseDevice(text: string): Device[] {
  const option = `--device="${text}"`;
  const [hostPath = '', ...more] = text.split(':');
  const last = more.at(-1);
  const permissions = last !== undefined && /^[rwm]+$/.test(last) ? more.pop() : undefined;
  const [path = hostPath, ...surplus] = more;
  if (!isAbsolute(hostPath) || !isAbsolute(path) || surplus.length > 0) {
    throw cannotUse(option, 'wanted HOSTPATH[:PATH][:PERMISSIONS] or VENDOR/CLASS=NAME, with absolute paths');
  }
  const access = accessOf(permissions, option);
  const status = look(hostPath, option);
  if (!status.isDirectory() || !`${normalize(hostPath)}/`.startsWith('/dev/'))
    return [{ ...nodeOf(hostPath, status, option), path: devicePath(path, option), access }];
  const found = devicesIn(hostPath, status.dev).map((each): Device => {
    const here = join(path, each.path.slice(normalize(`${hostPath}/`).length));
    return { ...each, path: devicePath(here, option), access };
  });
  if (found.length > 0) return found.slice(0, NODES_MAX + 1);
  throw cannotUse(option, 'there is no device in the directory');
}

/** What may be done with a device: nobody in a pod makes nodes, so `m` changes nothing. */
export function accessOf(permissions: string | undefined, option: string): Access {
  const [reads, writes] = ['r', 'w'].map((letter) => permissions?.includes(letter) ?? true);
  if (permissions !== undefined && new Set(permissions).size < permissions.length) {
    throw cannotUse(option, `"${printable(permissions)}" names a permission twice`);
  }
  if (reads === true) return writes === true ? 'rw' : 'r';
  if (writes === true) return 'w';
  throw cannotUse(option, 'wanted permissions of r, w and m, with r or w');
}

/** The path in an app, which is one that nothing else has in its /dev. */
export function devicePath(path: string, option: string): string {
  const plain = normalize(path).replace(/(.)\/$/, '$1');
  const [, first = ''] = /^\/dev\/([^/]+)/.exec(plain) ?? [];
  if (first === '' || first === 'shm')
    throw cannotUse(option, `"${printable(plain)}" is no path of a device: wanted one below /dev`);
  if (isOwnDev(`/dev/${first}`)) throw cannotUse(option, `every app has a "/dev/${first}" of its own`);
  return plain;
}

/** The numbers of a device of the host. */
export function lookAtDevice(hostPath: string, option: string): Pick<Device, 'hostPath' | 'type' | 'major' | 'minor'> {
  return nodeOf(hostPath, look(hostPath, option), option);
}

function look(path: string, option: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw error;
    throw new Failure(EXIT.notFound, cannotUse(option, `there is no "${printable(path)}"`).message, { cause: error });
  }
}

function nodeOf(
  hostPath: string,
  status: Stats,
  option: string,
): Pick<Device, 'hostPath' | 'type' | 'major' | 'minor'> {
  if (!isDevice(status)) throw cannotUse(option, `"${printable(hostPath)}" is not a device`);
  return { hostPath, type: status.isBlockDevice() ? 'b' : 'c', ...deviceNumbers(BigInt(status.rdev)) };
}

function isDevice(status: Stats): boolean {
  return status.isCharacterDevice() || status.isBlockDevice();
}

/** The devices in a directory, without those of other file systems and those that every app has. */
function devicesIn(directory: string, dev: number): Device[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry): Device[] => {
    const hostPath = join(directory, entry.name);
    if (entry.isDirectory()) return statSync(hostPath).dev === dev ? devicesIn(hostPath, dev) : [];
    if (!(entry.isCharacterDevice() || entry.isBlockDevice()) || isOwnDev(hostPath)) return [];
    return [{ ...nodeOf(hostPath, statSync(hostPath), hostPath), path: hostPath, access: 'rw' }];
  });
}
