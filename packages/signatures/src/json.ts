// SPDX-License-Identifier: Apache-2.0
import { parseJson } from '@rkt/formats';
import { printable } from '@rkt/names';
import { messageOf, Refused } from './refusal.ts';

/** An object of a JSON document. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** JSON of strangers; whatever is wrong with it is one refusal. */
export function parse(bytes: Uint8Array, limitBytes: number): unknown {
  try {
    return parseJson(bytes, { what: 'the signed text', limitBytes });
  } catch (error) {
    throw new Refused('malformed', messageOf(error));
  }
}

/** The value as an object, with no members but these if they are given. */
export function objectOf(value: unknown, what: string, members?: readonly string[]): JsonObject {
  if (!isObject(value)) throw new Refused('malformed', `${what} is no object`);
  const unknown = members === undefined ? undefined : Object.keys(value).find((key) => !members.includes(key));
  if (unknown !== undefined) throw new Refused('malformed', `${what} has an unknown member "${printable(unknown)}"`);
  return value;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
