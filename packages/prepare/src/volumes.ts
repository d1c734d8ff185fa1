// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs';
import { isAbsolute, normalize } from 'node:path';
import { EXIT, Failure, hasCode } from '@rkt/exit';
import { type PodVolume } from '@rkt/formats';
import { printable } from '@rkt/names';
import {
  boolOf,
  cannotUse,
  idOf,
  modeOf,
  parseParameters,
  requireKnown,
  subPathOf,
  type Parameters,
} from './parameters.ts';
import { parseMemory } from '@rkt/isolators';

/** A volume whose files are those of an image, which has to be found first. */
export interface ImageVolume {
  readonly kind: 'image';
  readonly name: string;
  readonly readOnly: true;
  readonly reference: string;
  readonly subPath?: string;
}

/** A volume as the user asks for it. */
export type AskedVolume = Exclude<PodVolume, { kind: 'image' }> | ImageVolume;

type Kind = AskedVolume['kind'];

/** What each kind of volume is made from, by the names of its parameters. */
const PARAMETERS: Readonly<Record<Kind, readonly string[]>> = {
  host: ['source', 'readOnly', 'recursive', 'recursiveReadOnly', 'propagation'],
  empty: ['mode', 'uid', 'gid', 'readOnly'],
  tmpfs: ['size', 'mode', 'uid', 'gid', 'readOnly'],
  image: ['image', 'subPath'],
};

const KINDS: readonly Kind[] = ['host', 'empty', 'tmpfs', 'image'];

/** The volumes of the pod from `--volume NAME,kind=...`. */
export function parseVolumes(texts: readonly string[]): AskedVolume[] {
  return requireUnique(
    texts.map((text) => {
      const comma = text.indexOf(',');
      const name = comma < 0 ? text : text.slice(0, comma);
      const option = `--volume="${text}"`;
      return volumeOf(name, parseParameters(option, text.slice(name.length + 1)));
    }),
  );
}

/** Refuses volumes of which two have one name. */
export function requireUnique(volumes: readonly AskedVolume[]): AskedVolume[] {
  for (const [index, { name }] of volumes.entries()) {
    if (volumes.findIndex((other) => other.name === name) < index) {
      throw new Failure(EXIT.usage, `duplicate volume name "${printable(name)}"`);
    }
  }
  return [...volumes];
}

/** A volume from its name and its other parameters. */
export function volumeOf(name: string, given: Parameters): AskedVolume {
  const { option, values } = given;
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) {
    throw cannotUse(
      option,
      `wanted NAME,kind=${KINDS.join('|')},... with a name of lower-case letters, digits and hyphens`,
    );
  }
  const kind = KINDS.find((each) => each === values.get('kind'));
  if (kind === undefined) throw cannotUse(option, `wanted kind=${KINDS.join('|')}`);
  const what = kind === 'tmpfs' ? 'a volume in memory' : `a volume of kind ${kind}`;
  requireKnown(given, ['kind', ...PARAMETERS[kind]], what);
  switch (kind) {
    case 'host':
      return hostVolume(name, given);
    case 'image':
      return imageVolume(name, given);
    case 'empty':
    case 'tmpfs':
      return madeVolume(name, kind, given);
  }
}

function madeVolume(name: string, kind: 'empty' | 'tmpfs', given: Parameters): AskedVolume {
  const head = { name, readOnly: boolOf(given, 'readOnly') ?? false };
  const owner = { uid: idOf(given, 'uid'), gid: idOf(given, 'gid') };
  if (kind === 'empty') return { kind, ...head, mode: modeOf(given, 0o755), ...owner };
  const size = given.values.get('size');
  // Without a limit, files in memory are a way to take the memory of everybody.
  if (size === undefined) throw cannotUse(given.option, 'a volume in memory needs size=QUANTITY, such as 64Mi');
  return { kind, ...head, mode: modeOf(given, 0o1777), ...owner, sizeBytes: parseMemory(size, 'size') };
}

function imageVolume(name: string, given: Parameters): ImageVolume {
  const reference = given.values.get('image');
  const subPath = subPathOf(given);
  if (reference === undefined || reference === '') throw cannotUse(given.option, 'it needs image=IMAGE');
  return { kind: 'image', name, readOnly: true, reference, ...(subPath === undefined ? {} : { subPath }) };
}

function hostVolume(name: string, given: Parameters): AskedVolume {
  const { option, values } = given;
  const source = values.get('source');
  if (source === undefined || !isAbsolute(source)) throw cannotUse(option, 'a host volume needs source=ABSOLUTE-PATH');
  const recursiveReadOnly = boolOf(given, 'recursiveReadOnly');
  const recursive = boolOf(given, 'recursive') ?? true;
  const readOnly = boolOf(given, 'readOnly') ?? recursiveReadOnly === true;
  if (recursiveReadOnly === true && !(readOnly && recursive)) {
    throw cannotUse(option, 'recursiveReadOnly=true is of volumes that are recursive and read-only');
  }
  const propagation = propagationOf(given);
  return {
    kind: 'host',
    name,
    ...existing(source),
    readOnly,
    recursive,
    ...(recursiveReadOnly === undefined ? {} : { recursiveReadOnly }),
    ...(propagation === 'private' ? {} : { propagation }),
  };
}

function propagationOf({ option, values }: Parameters): 'private' | 'slave' | 'shared' {
  const value = values.get('propagation') ?? 'private';
  if (value === 'private' || value === 'slave' || value === 'shared') return value;
  throw cannotUse(option, `"${printable(value)}" is no propagation: wanted private, slave or shared`);
}

/** The source of a volume of the host, and whether it is a file. */
export function existing(source: string): { source: string; isFile: boolean } {
  try {
    return { source: normalize(source), isFile: !statSync(source).isDirectory() };
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw error;
    throw new Failure(EXIT.notFound, `cannot use volume source "${printable(source)}": no such file or directory`, {
      cause: error,
    });
  }
}
