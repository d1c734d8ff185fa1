// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs';
import { isAbsolute, join, normalize } from 'node:path';
import { EXIT, Failure } from '@rkt/exit';
import { type PodApp, type PodVolume } from '@rkt/formats';
import { printable } from '@rkt/names';
import { type ImageArguments } from './arguments.ts';
import { boolOf, cannotUse, parseParameters, requireKnown, subPathOf, type Parameters } from './parameters.ts';
import { volumeOf, type AskedVolume } from './volumes.ts';

/** A volume mounted in an app. */
export type AppMount = PodApp['mounts'][number];

/** A volume, whether its image is known or not. */
type Volume = AskedVolume | PodVolume;

/** True for what the kernel or rkt puts into the /dev of every app. */
export function isOwnDev(path: string): boolean {
  return /^\/dev\/(null|zero|full|random|urandom|tty|fd|stdin|stdout|stderr|ptmx|pts|mqueue|console)$/.test(path);
}

/** A mount from `--mount volume=NAME,target=PATH`, of a volume that exists. */
export function parseMount(text: string, volumes: readonly Volume[]): AppMount {
  const given = parseParameters(`--mount="${text}"`, text);
  requireKnown(given, ['volume', 'target', 'readOnly', 'subPath'], 'a mount');
  const volume = given.values.get('volume');
  if (volume === undefined) throw cannotUse(given.option, 'wanted volume=NAME,target=ABSOLUTE-PATH');
  const found = volumes.find(({ name }) => name === volume);
  const target = given.values.get('target');
  if (found === undefined && target !== undefined) {
    const what = `dangling mount point "${printable(target)}": volume "${printable(volume)}" not found`;
    throw new Failure(EXIT.usage, what);
  }
  return mountOf(given, found);
}

/** The volume and the mount of it that `--mnt-volume name=NAME,kind=...,target=PATH` says in one. */
export function parseMntVolume(text: string): { volume: AskedVolume; mount: AppMount } {
  const given = parseParameters(`--mnt-volume="${text}"`, text);
  const ofVolume = new Map([...given.values].filter(([key]) => key !== 'target' && key !== 'name'));
  const name = given.values.get('name');
  if (name === undefined) throw cannotUse(given.option, 'missing name= parameter');
  if (!given.values.has('target')) throw cannotUse(given.option, 'missing target= parameter');
  const volume = volumeOf(name, { option: given.option, values: ofVolume });
  const target = given.values.get('target') ?? '';
  return { volume, mount: mountOf({ option: given.option, values: new Map([['target', target]]) }, volume) };
}

function mountOf(given: Parameters, volume: Volume | undefined): AppMount {
  const target = given.values.get('target');
  if (target === undefined || !isAbsolute(target) || volume === undefined) {
    throw cannotUse(given.option, 'wanted volume=NAME,target=ABSOLUTE-PATH');
  }
  const subPath = subPathOf(given);
  if (subPath !== undefined && volume.kind === 'tmpfs')
    throw cannotUse(given.option, 'a volume in memory has no subPath');
  return {
    volume: volume.name,
    target: checkTarget(target, given.option),
    readOnly: volume.readOnly || (boolOf(given, 'readOnly') ?? false),
    ...(subPath === undefined ? {} : { subPath, isFile: isFileIn(volume, subPath) }),
  };
}

/** What a volume has at the path; stage1 looks again, inside the volume, and refuses what has become something else. */
function isFileIn(volume: Volume, subPath: string): boolean {
  if (volume.kind !== 'host') return false;
  const path = join(volume.source, subPath);
  const status = statSync(path, { throwIfNoEntry: false });
  if (status !== undefined) return !status.isDirectory();
  throw new Failure(EXIT.notFound, `cannot use volume source "${printable(path)}": no such file or directory`);
}

/**
 * The mounts that the user asks for: those behind an image win over those before the first image with the same target; of two
 * alike the first counts.
 */
export function mountsOf(
  everywhere: readonly string[],
  { given }: ImageArguments,
  volumes: readonly Volume[],
): AppMount[] {
  const own = [...given.mount, ...everywhere].map((text) => parseMount(text, volumes));
  const mounts = [...given['mnt-volume'].map((text) => parseMntVolume(text).mount), ...own];
  return mounts.filter(({ target }, index) => mounts.findIndex((other) => other.target === target) === index);
}

/** The absolute path that a volume is mounted at, without tricks; `what` names in a message who asks for it. */
export function checkTarget(target: string, what: string): string {
  const path = normalize(target).replace(/(.)\/$/, '$1');
  if (path === '/') throw cannotUse(what, 'the target is the root');
  // The kernel's file systems are what the protections of the pod stand on: attacks that replace proc start here.
  if (/^\/(proc|sys|dev)(\/|$)/.test(path) && (!/^\/dev\/[^/]+$/.test(path) || isOwnDev(path))) {
    throw cannotUse(
      what,
      'nothing can be mounted on or below /proc and /sys, and in /dev only under a name of its own',
    );
  }
  return path;
}
