// SPDX-License-Identifier: Apache-2.0

const SHOWN_MAX = 200;
const TEXT_MAX = 4000;

/** Text of outsiders in a message: control and direction characters escaped, cut at 200 characters. */
export function printable(text: string): string {
  const escaped = escape(text);
  return escaped.length > SHOWN_MAX ? `${escaped.slice(0, SHOWN_MAX)}...` : escaped;
}

/** The same for a text that says more than a name does, such as why something is refused: cut at 4000 characters. */
export function printableText(text: string): string {
  const escaped = escape(text);
  return escaped.length > TEXT_MAX ? `${escaped.slice(0, TEXT_MAX)}...` : escaped;
}

/** A path in a message: of a long one the end tells more. */
export function printablePath(path: string): string {
  const escaped = escape(path);
  return escaped.length > SHOWN_MAX ? `...${escaped.slice(-SHOWN_MAX)}` : escaped;
}

function escape(text: string): string {
  return text.replace(
    // C0, DEL, C1, the direction overrides and isolates, line separators, lone surrogates
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
