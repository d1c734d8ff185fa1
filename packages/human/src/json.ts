// SPDX-License-Identifier: Apache-2.0

/**
 * Prints JSON as `--format` wants it: on one line, or indented by tabs.
 *
 * What a terminal could obey stands as escapes of JSON, so that the text means the same.
 */
export function printJson(value: unknown, format: 'json' | 'json-pretty'): string {
  const text = JSON.stringify(value, null, format === 'json-pretty' ? '\t' : undefined);
  return text.replace(
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
