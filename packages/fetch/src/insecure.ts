// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';

// The words that every command takes, and which of them mean something to a fetch.
const MEANINGS: ReadonlyMap<string, { readonly http?: true; readonly tls?: true }> = new Map([
  ['none', {}],
  ['image', {}],
  ['ondisk', {}],
  ['pubkey', {}],
  ['capabilities', {}],
  ['paths', {}],
  ['seccomp', {}],
  ['userns', {}],
  ['landlock', {}],
  ['all-run', {}],
  ['http', { http: true }],
  ['tls', { tls: true }],
  ['all-fetch', { http: true, tls: true }],
  ['all', { http: true, tls: true }],
]);

/** What is not insisted on when talking to registries. */
export interface Insecure {
  readonly http: boolean;
  readonly tls: boolean;
}

/** Reads the list of `--insecure-options`. */
export function parseInsecureOptions(text: string): Insecure {
  const words = text.toLowerCase().split(',');
  const meanings = words.map((word) => {
    const meaning = MEANINGS.get(word);
    if (meaning !== undefined) return meaning;
    const known = [...MEANINGS.keys()].join(', ');
    throw new Failure(EXIT.usage, `cannot use --insecure-options="${printable(word)}": wanted some of ${known}`);
  });
  return { http: meanings.some(({ http }) => http), tls: meanings.some(({ tls }) => tls) };
}
