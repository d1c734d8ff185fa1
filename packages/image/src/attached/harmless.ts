// SPDX-License-Identifier: Apache-2.0

// JSON has raw line ends and tabs between its values; every other control character in it stands in a string.
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** A text of strangers with escapes of JSON for what a terminal could obey: JSON means the same. */
export function harmless(text: string): string {
  return text.replace(OBEYED, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
