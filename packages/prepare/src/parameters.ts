// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';

/** The parameters of an option such as `--volume`, `KEY=VALUE,...`, each at most once; `option` is the whole of it, for messages. */
export interface Parameters {
  readonly option: string;
  readonly values: ReadonlyMap<string, string>;
}

/** Reads `KEY=VALUE,...`. */
export function parseParameters(option: string, list: string): Parameters {
  const values = new Map<string, string>();
  for (const part of list.split(',').filter((item) => item !== '')) {
    const equals = part.indexOf('=');
    const key = equals < 0 ? part : part.slice(0, equals);
    if (equals < 0) throw cannotUse(option, `parameter "${printable(part)}" has no value`);
    if (values.has(key)) throw cannotUse(option, `parameter "${printable(key)}" is given twice`);
    values.set(key, part.slice(equals + 1));
  }
  return { option, values };
}

/** Refuses parameters that are not among these; `what` names in the message what they would be of. */
export function requireKnown({ option, values }: Parameters, known: readonly string[], what: string): void {
  const surplus = [...values.keys()].find((key) => !known.includes(key));
  if (surplus === undefined) return;
  throw cannotUse(option, `${what} has no parameter "${printable(surplus)}": wanted ${known.join(', ')}`);
}

/** True or false, undefined if it is not given. */
export function boolOf({ option, values }: Parameters, key: string): boolean | undefined {
  const value = values.get(key);
  if (value === undefined) return undefined;
  if (value === 'true' || value === 'false') return value === 'true';
  throw cannotUse(option, `"${printable(value)}" is not true or false`);
}

/** A mode in octal digits. */
export function modeOf({ option, values }: Parameters, fallback: number): number {
  const value = values.get('mode');
  if (value === undefined) return fallback;
  if (/^[0-7]{3,4}$/.test(value)) return Number.parseInt(value, 8);
  throw cannotUse(option, `"${printable(value)}" is not a mode: wanted octal digits such as 0755`);
}

/** An id of the pod, 0 if it is not given. */
export function idOf({ option, values }: Parameters, key: 'uid' | 'gid'): number {
  const value = values.get(key);
  if (value === undefined) return 0;
  if (/^\d{1,5}$/.test(value) && Number(value) <= 65534) return Number(value);
  throw cannotUse(option, `"${printable(value)}" is not an id: wanted 0 to 65534`);
}

/** A path in a volume, without `.`, `..` and slashes at its ends; undefined if it is not given. */
export function subPathOf({ option, values }: Parameters): string | undefined {
  const value = values.get('subPath');
  if (value === undefined) return undefined;
  const parts = value.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.length > 0 && !parts.includes('..') && !value.startsWith('/')) return parts.join('/');
  throw cannotUse(option, `"${printable(value)}" is not a path in the volume: wanted a relative one without ".."`);
}

/** A refusal of an option. */
export function cannotUse(option: string, why: string): Failure {
  return new Failure(EXIT.usage, `cannot use ${printable(option)}: ${why}`);
}
