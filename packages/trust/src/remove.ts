// SPDX-License-Identifier: Apache-2.0
import type { Context } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';
import { makeStrictReader, type TrustDirectories } from '@rkt/policy';
import { allPlaces, type Place } from './places.ts';
import { prefixOf, type Scope } from './scope.ts';
import { removeTrustFile, writeTrustFile } from './write.ts';

/** What is to be trusted no longer, and for which names: for all without a scope. */
export interface Removing {
  readonly directories: TrustDirectories;
  readonly scope: Scope | undefined;
  readonly names: readonly string[];
  readonly context: Context;
}

/** Removes each key where the administrator has put it, and masks it where it would be trusted still. */
export function removeKeys({ directories, scope, names, context }: Removing): number {
  const wanted = new Set(names.map((name) => name.toLowerCase()));
  for (const name of wanted) removeKey({ directories, scope, names: [name], context }, name);
  return EXIT.ok;
}

function removeKey({ directories, scope, context }: Removing, name: string): void {
  const isIt = (place: Place) => place.name === name || place.name === `${name}.pub`;
  const isTrusted = (place: Place) => isIt(place) && place.bytes.byteLength > 0;
  const inScope = ({ prefix }: Place) => scope === undefined || prefix === prefixOf(scope);
  const reader = makeStrictReader();
  const local = allPlaces(reader, directories.local).filter(isTrusted);
  const vendor = allPlaces(reader, directories.system).filter(isTrusted);
  const removed = local.filter(inScope);
  for (const { name: file, path } of removed) {
    removeTrustFile(path);
    context.print(`Removed key "${file}" at "${path}"`);
  }
  const others = scope === undefined ? vendor : [...vendor, ...local.filter((place) => !inScope(place))];
  const masks =
    scope === undefined
      ? others
      : others.filter((place) => reaches(place, scope)).map((place) => ({ ...place, prefix: prefixOf(scope) }));
  for (const { prefix, file } of once(masks)) {
    const path = writeTrustFile({ local: directories.local, prefix, name: file, content: '' });
    context.print(`Masked key "${file}" by "${path}"`);
  }
  if (removed.length + masks.length > 0) return;
  throw new Failure(EXIT.notFound, `cannot remove key "${printable(name)}": nobody trusts it here: try --list`);
}

/** True if a key at this place is read before a mask of the scope, and so is taken back by it. */
function reaches({ prefix }: Place, scope: Scope): boolean {
  const own = prefixOf(scope);
  if (prefix === undefined) return true;
  return own !== undefined && (prefix === own || own.startsWith(`${prefix}/`));
}

function once(places: readonly Place[]): { prefix: string | undefined; file: string }[] {
  const found = new Map(places.map(({ prefix, name }) => [`${prefix ?? ''}\0${name}`, { prefix, file: name }]));
  return [...found.values()];
}
