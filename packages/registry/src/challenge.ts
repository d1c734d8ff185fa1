// SPDX-License-Identifier: Apache-2.0

/** A challenge of a `WWW-Authenticate` header: RFC 9110, section 11.6.1. */
export interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  /** By lower-case name; the first of several of one name counts. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** No honest header is longer. */
const HEADER_LENGTH_MAX = 16 * 1024;

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;
const EQUALS = /[ \t]*=[ \t]*/y;
const SEPARATOR = /[ \t]*(?:,[ \t]*)+/y;
const SPACES = /[ \t]+/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/sy;

/**
 * Parses the challenges of a `WWW-Authenticate` header, or of several: quoted strings may hold commas, one header several challenges.
 *
 * What is malformed ends the list: the challenges before it are returned.
 */
export function parseChallenges(headers: string | readonly string[]): Challenge[] {
  return [headers].flat().flatMap(parseHeader);
}

function parseHeader(header: string): Challenge[] {
  if (header.length > HEADER_LENGTH_MAX) return [];
  const text = header.trim();
  const found: Challenge[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(text) ?? undefined;
    if (match) at += match[0].length;
    return match;
  };
  while (at < text.length) {
    take(SEPARATOR);
    const scheme = take(TOKEN)?.[0];
    if (scheme === undefined) break;
    const parameters = new Map<string, string>();
    found.push({ scheme: scheme.toLowerCase(), parameters });
    if (take(SPACES) && !take(TOKEN68))
      parseParameters(take, parameters, (place) => (place === undefined ? at : (at = place)));
    if (at < text.length && !/[ \t,]/.test(text[at] ?? '')) break;
  }
  return found;
}

type Take = (pattern: RegExp) => RegExpExecArray | undefined;

/** Parses `name=value` pairs up to the next scheme, which is a token that no `=` follows; there it steps back. */
function parseParameters(take: Take, parameters: Map<string, string>, place: (to?: number) => number): void {
  for (;;) {
    const start = place();
    if (parameters.size > 0 && !take(SEPARATOR)) return;
    const name = take(TOKEN)?.[0].toLowerCase();
    if (name === undefined || !take(EQUALS)) {
      place(start);
      return;
    }
    const quoted = take(QUOTED)?.[1];
    const value = quoted === undefined ? take(TOKEN)?.[0] : quoted.replace(/\\(.)/gs, '$1');
    if (value === undefined) return;
    if (!parameters.has(name)) parameters.set(name, value);
  }
}
