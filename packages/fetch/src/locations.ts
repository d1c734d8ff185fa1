// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { EXIT, Failure, hasCode, reason } from '@rkt/exit';
import { parseRegistriesConf, type RegistryRule } from '@rkt/formats';
import { parseReference, printable, printReference, type RegistryReference } from '@rkt/names';
import type { Insecure } from './insecure.ts';
import type { RegistriesFiles } from './registries-files.ts';

/** A place where an image may really be taken from. */
export interface Location {
  readonly reference: RegistryReference;
  readonly insecure: Insecure;
}

/** The rules of all files: of two with the same prefix the later one holds. */
export async function readRegistryRules({ named, found }: RegistriesFiles): Promise<RegistryRule[]> {
  const rules = new Map<string, RegistryRule>();
  for (const path of found) {
    for (const rule of await parseRegistriesConf(read(path, path === named), path)) rules.set(rule.prefix, rule);
  }
  return [...rules.values()];
}

function read(path: string, isNamed: boolean): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    // It was there a moment ago.
    if (hasCode(error, 'ENOENT') && !isNamed) return Buffer.alloc(0);
    throw new Failure(EXIT.configuration, `cannot read "${printable(path)}": ${reason(error)}`, { cause: error });
  }
}

/** From where an image is taken, in the order to try: the mirrors, and the registry itself at last. */
export function locationsOf(
  reference: RegistryReference,
  { rules, insecure }: { readonly rules: readonly RegistryRule[]; readonly insecure: Insecure },
): Location[] {
  const rule = ruleFor(reference, rules);
  if (rule === undefined) return [{ reference, insecure }];
  if (rule.blocked) {
    throw new Failure(
      EXIT.notPermitted,
      `cannot fetch "${printReference(reference)}": registries.conf blocks "${printable(rule.prefix)}"`,
    );
  }
  const isPinned = reference.digest !== undefined;
  const places = [
    ...rule.mirrors.filter(({ pulls }) => pulls === 'all' || (pulls === 'digest-only') === isPinned),
    { location: rule.location, insecure: rule.insecure },
  ];
  return places.map((place) => ({
    reference: moved(reference, rule.prefix, place.location),
    insecure: { http: insecure.http || place.insecure, tls: insecure.tls || place.insecure },
  }));
}

/** The rule of the longest prefix. */
function ruleFor(reference: RegistryReference, rules: readonly RegistryRule[]): RegistryRule | undefined {
  const matching = rules.filter(({ prefix }) => matchLength(textOf(reference), prefix) > 0);
  return matching.toSorted((one, other) => other.prefix.length - one.prefix.length)[0];
}

const textOf = (reference: RegistryReference) => printReference(reference).slice('docker://'.length);

/** How much of a reference a prefix stands for: whole components of it, or 0 if it is none of its prefixes. */
function matchLength(text: string, prefix: string): number {
  const isWildcard = prefix.startsWith('*.');
  const host = text.slice(0, text.indexOf('/'));
  // `*.example.com` is for hosts below it, in any depth, and not for itself. Names of hosts have no upper and lower case.
  const tail = isWildcard ? prefix.slice(1) : prefix;
  const [tailHost = ''] = tail.split('/');
  const start = isWildcard ? host.replace(/:\d+$/, '').length - tailHost.replace(/:\d+$/, '').length : 0;
  if (isWildcard && start <= 0) return 0;
  const end = start + tail.length;
  const found = text.slice(start, end);
  const isSame =
    found.slice(0, tailHost.length).toLowerCase() === tailHost.toLowerCase() &&
    found.slice(tailHost.length) === tail.slice(tailHost.length);
  if (!isSame || !['', '/', ':', '@'].includes(text.charAt(end))) return 0;
  return end;
}

/** The reference with the location in the place of the prefix. */
function moved(reference: RegistryReference, prefix: string, location: string): RegistryReference {
  if (location === '') return reference;
  const text = textOf(reference);
  const real = `${location}${text.slice(matchLength(text, prefix))}`;
  const refuse = (why: string, cause?: unknown) =>
    new Failure(EXIT.configuration, `cannot use location "${printable(location)}" of registries.conf: ${why}`, {
      cause,
    });
  let found;
  try {
    found = parseReference(`docker://${real}`);
  } catch (error) {
    throw refuse(`"${printable(real)}" is not the name of an image`, error);
  }
  // Without a dot, a colon or the name localhost it would be a repository of docker.io.
  if (found.kind !== 'docker' || textOf(found) !== real) throw refuse(`it names no host`);
  return found;
}
