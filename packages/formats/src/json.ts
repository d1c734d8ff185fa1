// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';

/** How deep a document of others may nest. */
export const DEPTH_MAX = 64;

/** The size of the largest manifest, index or configuration that is read, as containers/image limits it. */
export const DOCUMENT_BYTES_MAX = 4 * 1024 * 1024;

/** What a document is called in messages, such as `manifest "sha256:..."`, and how large it may be. */
export interface JsonSource {
  readonly what: string;
  readonly limitBytes?: number;
}

/**
 * Parses JSON that strangers wrote: UTF-8 only, limited in size and depth, each key once, no key `__proto__`.
 *
 * Two parsers that read one document differently are how a signed document becomes another one, so what is ambiguous is refused.
 */
export function parseJson(bytes: Uint8Array, { what, limitBytes = DOCUMENT_BYTES_MAX }: JsonSource): unknown {
  const refuse = (why: string) => new Failure(EXIT.dataRefused, `cannot read ${what}: ${why}`);
  if (bytes.byteLength > limitBytes) throw refuse(`it is larger than ${limitBytes} bytes`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw refuse('it is not UTF-8');
  }
  const problem = scan(text);
  if (problem !== undefined) throw refuse(problem);
  try {
    return JSON.parse(text);
  } catch {
    throw refuse('it is not JSON');
  }
}

/**
 * Looks for what JSON.parse lets pass: too many levels and keys given twice. The grammar is left to JSON.parse, which follows;
 * on text that is not JSON this only has to end.
 */
function scan(text: string): string | undefined {
  // One set of keys per open object, undefined per open array.
  const open: (Set<string> | undefined)[] = [];
  let keyNext = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? '';
    switch (character) {
      case '{':
      case '[':
        keyNext = character === '{';
        open.push(keyNext ? new Set() : undefined);
        if (open.length > DEPTH_MAX) return `it nests deeper than ${DEPTH_MAX} levels`;
        break;
      case '}':
      case ']':
        open.pop();
        keyNext = false;
        break;
      case ',':
        keyNext = open.at(-1) !== undefined;
        break;
      case '"': {
        const end = endOfString(text, at);
        const problem = keyNext ? addKey(open.at(-1), text.slice(at, end)) : undefined;
        if (problem !== undefined) return problem;
        keyNext = false;
        at = end - 1;
        break;
      }
      default:
    }
  }
  return undefined;
}

function addKey(keys: Set<string> | undefined, literal: string): string | undefined {
  const key = decode(literal);
  if (key === undefined) return 'it is not JSON';
  if (key === '__proto__') return 'it has a key "__proto__"';
  if (keys?.has(key)) return `it has the key "${printable(key)}" twice`;
  keys?.add(key);
  return undefined;
}

function decode(literal: string): string | undefined {
  if (!literal.includes('\\')) return literal.slice(1, -1);
  try {
    const value: unknown = JSON.parse(literal);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The index behind the closing quote of the string that begins at `start`, or the end of the text. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let slashes = 0;
    while (text[quote - 1 - slashes] === '\\') slashes += 1;
    if (slashes % 2 === 0) return quote + 1;
  }
  return text.length;
}
