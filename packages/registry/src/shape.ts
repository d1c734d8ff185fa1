// SPDX-License-Identifier: Apache-2.0

/** The object that a parsed document is, or an empty one. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The text under a key, undefined if it is empty or none. */
export function textOf(value: unknown, key: string): string | undefined {
  const record = recordOf(value);
  const text = Object.hasOwn(record, key) ? record[key] : undefined;
  return typeof text === 'string' && text !== '' ? text : undefined;
}
