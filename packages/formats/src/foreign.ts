// SPDX-License-Identifier: Apache-2.0
import * as v from 'valibot';
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';
import { parseJson, type JsonSource } from './json.ts';

/** Parses a document of others by its schema, loose about keys that it does not name. */
export function parseForeign<S extends v.GenericSchema>(
  schema: S,
  bytes: Uint8Array,
  source: JsonSource,
): v.InferOutput<S> {
  return checkForeign(schema, parseJson(bytes, source), source.what);
}

/** Checks what was parsed already. */
export function checkForeign<S extends v.GenericSchema>(schema: S, data: unknown, what: string): v.InferOutput<S> {
  const result = v.safeParse(schema, data, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  // What was received may be long and hostile: the message has it escaped and cut.
  const path = printable(v.getDotPath(issue) ?? 'the document');
  throw new Failure(EXIT.dataRefused, `cannot read ${what}: ${path}: ${printable(issue.message)}`);
}
