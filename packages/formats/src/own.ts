// SPDX-License-Identifier: Apache-2.0
import * as v from 'valibot';
import { EXIT, Failure } from '@rkt/exit';

/** Parses a file of our own: strict about unknown keys, since nobody else writes it. */
export function parseOwn<S extends v.GenericSchema>(schema: S, text: string, path: string): v.InferOutput<S> {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw new Failure(EXIT.dataRefused, `cannot read "${path}": not JSON`);
  }
  const result = v.safeParse(schema, data, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new Failure(EXIT.dataRefused, `cannot read "${path}": ${v.getDotPath(issue) ?? 'document'}: ${issue.message}`);
}
