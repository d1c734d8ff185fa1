// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs';
import { isAbsolute, normalize } from 'node:path';
import { EXIT, Failure, hasCode } from '@rkt/exit';
import { type PodVolume } from '@rkt/formats';
import { printable } from '@rkt/names';

/** A volume mounted in an app. */
export interface AppMount {
  readonly volume: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** The volumes of the pod from `--volume NAME,kind=...`. */
export function parseVolumes(texts: readonly string[]): PodVolume[] {
  const volumes = texts.map(parseVolume);
  for (const [index, { name }] of volumes.entries()) {
    if (volumes.findIndex((other) => other.name === name) < index) {
      throw new Failure(EXIT.usage, `duplicate volume name "${printable(name)}"`);
    }
  }
  return volumes;
}

function parseVolume(text: string): PodVolume {
  const comma = text.indexOf(',');
  const name = comma < 0 ? text : text.slice(0, comma);
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) {
    throw refused(text, 'wanted NAME,kind=host|empty,... with a name of lower-case letters, digits and hyphens');
  }
  const { kind, source, readOnly, recursive, mode, uid, gid, ...unknown } = parameters(text, text.slice(comma + 1));
  const [surplus] = Object.keys(unknown);
  if (surplus !== undefined) throw refused(text, `unknown parameter "${printable(surplus)}"`);
  if (kind === 'empty') {
    if (source !== undefined || recursive !== undefined)
      throw refused(text, 'an empty volume has no source and no recursive');
    return {
      kind,
      name,
      readOnly: bool(text, readOnly, false),
      mode: Number.parseInt(octal(text, mode ?? '0755'), 8),
      uid: id(text, uid),
      gid: id(text, gid),
    };
  }
  if (kind !== 'host') throw refused(text, 'wanted kind=host or kind=empty');
  if (mode !== undefined || uid !== undefined || gid !== undefined)
    throw refused(text, 'mode, uid and gid are of empty volumes');
  if (source === undefined || !isAbsolute(source)) throw refused(text, 'a host volume needs source=ABSOLUTE-PATH');
  return {
    kind,
    name,
    ...existing(source),
    readOnly: bool(text, readOnly, false),
    recursive: bool(text, recursive, true),
  };
}

/** A mount from `--mount volume=NAME,target=PATH`, of a volume that exists. */
export function parseMount(text: string, volumes: readonly PodVolume[]): AppMount {
  const { volume, target, ...unknown } = parameters(text, text);
  const [surplus] = Object.keys(unknown);
  if (surplus !== undefined) throw new Failure(EXIT.usage, `unknown mount parameter "${printable(surplus)}"`);
  if (volume === undefined || target === undefined || !isAbsolute(target)) {
    throw new Failure(EXIT.usage, `cannot use --mount="${printable(text)}": wanted volume=NAME,target=ABSOLUTE-PATH`);
  }
  const found = volumes.find(({ name }) => name === volume);
  if (found === undefined) {
    throw new Failure(
      EXIT.usage,
      `dangling mount point "${printable(target)}": volume "${printable(volume)}" not found`,
    );
  }
  return { volume, target: checkTarget(target, `--mount="${text}"`), readOnly: found.readOnly };
}

/** The absolute path that a volume is mounted at, without tricks; `what` names in a message who asks for it. */
export function checkTarget(target: string, what: string): string {
  const path = normalize(target).replace(/(.)\/$/, '$1');
  const cannot = `cannot use ${printable(what)}`;
  if (path === '/') throw new Failure(EXIT.usage, `${cannot}: the target is the root`);
  // The kernel's file systems are what the protections of the pod stand on: attacks that replace proc start here.
  if (/^\/(proc|sys|dev)(\/|$)/.test(path) && !path.startsWith('/dev/shm')) {
    throw new Failure(EXIT.usage, `${cannot}: nothing can be mounted below /proc, /sys and /dev`);
  }
  return path;
}

function parameters(text: string, list: string): Record<string, string | undefined> {
  const found = new Map<string, string>();
  for (const part of list.split(',').filter((item) => item !== '')) {
    const equals = part.indexOf('=');
    const key = equals < 0 ? part : part.slice(0, equals);
    if (equals < 0) throw refused(text, `parameter "${printable(part)}" has no value`);
    if (found.has(key)) throw refused(text, `parameter "${printable(key)}" is given twice`);
    found.set(key, part.slice(equals + 1));
  }
  return Object.fromEntries(found);
}

function existing(source: string): { source: string; isFile: boolean } {
  try {
    return { source: normalize(source), isFile: !statSync(source).isDirectory() };
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw error;
    throw new Failure(EXIT.notFound, `cannot use volume source "${printable(source)}": no such file or directory`, {
      cause: error,
    });
  }
}

function bool(text: string, value: string | undefined, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (value === 'true' || value === 'false') return value === 'true';
  throw refused(text, `"${printable(value)}" is not true or false`);
}

function octal(text: string, value: string): string {
  if (/^[0-7]{3,4}$/.test(value)) return value;
  throw refused(text, `"${printable(value)}" is not a mode: wanted octal digits such as 0755`);
}

function id(text: string, value: string | undefined): number {
  if (value === undefined) return 0;
  if (/^\d{1,5}$/.test(value) && Number(value) <= 65534) return Number(value);
  throw refused(text, `"${printable(value)}" is not an id: wanted 0 to 65534`);
}

function refused(text: string, why: string): Failure {
  return new Failure(EXIT.usage, `cannot use --volume="${printable(text)}": ${why}`);
}
