// SPDX-License-Identifier: Apache-2.0
import { isAbsolute, join } from 'node:path';
import { EXIT, Failure } from '@rkt/exit';
import { parseCdiSpec, type CdiEdits, type CdiSpec, type PodVolume } from '@rkt/formats';
import { printable } from '@rkt/names';
import { makeStrictReader } from '@rkt/policy';
import { checkTarget, type AppMount } from './app-mounts.ts';
import { accessOf, devicePath, lookAtDevice, type AppDevices, type Device } from './devices.ts';
import { existing } from './volumes.ts';

/** Where devices are described; what lies in a later directory counts more. /run/cdi is what the specification calls /var/run/cdi. */
const DIRECTORIES = ['/etc/cdi', '/run/cdi'];

const SPEC_BYTES_MAX = 4 * 1024 * 1024;

/** Options of a mount that say what is so anyway. */
const USUAL = new Set(['bind', 'rbind', 'private', 'rprivate', 'rw', 'nosuid', 'nodev']);

interface Found {
  readonly path: string;
  readonly spec: CdiSpec;
}

/** What the devices `VENDOR/CLASS=NAME` change of an app; `number` is that of its first volume of this kind. */
export async function findCdiDevices(
  names: readonly string[],
  number: number,
  directories: readonly string[] = DIRECTORIES,
): Promise<AppDevices> {
  const specs = await readSpecs(directories);
  // What a file says for all its devices is done once.
  const edits = new Map<string, CdiEdits>();
  for (const name of names) {
    const { path, spec } = findDevice(specs, name);
    const device = spec.devices.find((each) => `${spec.kind}=${each.name}` === name);
    if (spec.containerEdits !== undefined) edits.set(path, spec.containerEdits);
    if (device !== undefined) edits.set(name, device.containerEdits);
  }
  return joined(
    [...edits.values()].map((each) => editsOf(each, names.join(', '))),
    number,
  );
}

async function readSpecs(directories: readonly string[]): Promise<Found[][]> {
  const reader = makeStrictReader();
  const all: Found[][] = [];
  for (const directory of directories.toReversed()) {
    const found: Found[] = [];
    for (const name of reader.list(directory) ?? []) {
      if (!/\.(json|ya?ml)$/.test(name)) continue;
      const path = join(directory, name);
      const bytes = reader.read(path, SPEC_BYTES_MAX);
      if (bytes !== undefined) found.push({ path, spec: await parseCdiSpec(bytes, path) });
    }
    all.push(found);
  }
  return all;
}

function findDevice(specs: readonly (readonly Found[])[], name: string): Found {
  if (!/^[^/=]+\/[^/=]+=[^/=]+$/.test(name)) {
    throw new Failure(
      EXIT.usage,
      `cannot use --device="${printable(name)}": wanted HOSTPATH[:PATH][:PERMISSIONS] or VENDOR/CLASS=NAME`,
    );
  }
  for (const found of specs) {
    const [first, second] = found.filter(({ spec }) =>
      spec.devices.some((each) => `${spec.kind}=${each.name}` === name),
    );
    if (second !== undefined && first !== undefined) {
      const both = `"${printable(first.path)}" and "${printable(second.path)}"`;
      throw new Failure(EXIT.configuration, `cannot use device "${printable(name)}": ${both} describe it`);
    }
    if (first !== undefined) return first;
  }
  const where = DIRECTORIES.join(' and ');
  throw new Failure(EXIT.notFound, `cannot find device "${printable(name)}": no file of ${where} describes it`);
}

type Edited = Omit<AppDevices, 'mounts' | 'volumes'> & {
  readonly volumes: readonly { readonly volume: Omit<HostVolume, 'name'>; readonly target: string }[];
};

type HostVolume = Extract<PodVolume, { kind: 'host' }>;

function editsOf({ env, deviceNodes, mounts, hooks, additionalGids }: CdiEdits, name: string): Edited {
  if (hooks.length > 0) {
    const why = 'it wants programs of the host to be executed, which rkt does not do';
    throw new Failure(EXIT.configuration, `cannot use device "${printable(name)}": ${why}`);
  }
  const option = `device "${name}"`;
  return {
    env,
    gids: additionalGids,
    nodes: deviceNodes.map((node) => nodeOf(node, option)),
    volumes: mounts.map((mount) => mountOf(mount, option)),
  };
}

function nodeOf(node: CdiEdits['deviceNodes'][number], option: string): Device {
  const { path, hostPath = path, permissions, fileMode, uid, gid } = node;
  const host = lookAtDevice(hostPath, option);
  const isOther =
    (node.type !== undefined && node.type !== host.type) ||
    (node.major !== undefined && node.major !== host.major) ||
    (node.minor !== undefined && node.minor !== host.minor);
  if (isOther)
    throw new Failure(EXIT.configuration, `cannot use ${option}: "${printable(hostPath)}" is another device`);
  return {
    ...host,
    path: devicePath(path, option),
    access: accessOf(permissions === '' ? undefined : permissions, option),
    ...(fileMode === undefined ? {} : { fileMode }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  };
}

function mountOf({ hostPath, containerPath, options, type }: CdiEdits['mounts'][number], option: string) {
  const surplus = options.find((each) => !USUAL.has(each) && each !== 'ro' && each !== 'noexec');
  const isBind = type === undefined || type === '' || type === 'bind' || type === 'none';
  if (surplus !== undefined || !isBind || !isAbsolute(hostPath) || !isAbsolute(containerPath)) {
    const what = surplus === undefined ? `type ${type}` : `option "${surplus}"`;
    throw new Failure(EXIT.configuration, `cannot use ${option}: a mount has ${printable(what)}: wanted a bind mount`);
  }
  return {
    target: checkTarget(containerPath, option),
    volume: {
      kind: 'host' as const,
      ...existing(hostPath),
      readOnly: options.includes('ro'),
      recursive: !options.includes('bind'),
      ...(options.includes('noexec') ? { noExec: true } : {}),
    },
  };
}

function joined(all: readonly Edited[], number: number): AppDevices {
  const mounted = all
    .flatMap(({ volumes }) => volumes)
    // A user's volume has no dot in its name.
    .map(({ volume, target }, index) => ({ volume: { ...volume, name: `cdi.${number + index}` }, target }));
  return {
    nodes: all.flatMap(({ nodes }) => nodes),
    env: all.flatMap(({ env }) => env),
    gids: all.flatMap(({ gids }) => gids),
    volumes: mounted.map(({ volume }) => volume),
    mounts: mounted.map(({ volume, target }): AppMount => ({ volume: volume.name, target, readOnly: volume.readOnly })),
  };
}
