// SPDX-License-Identifier: Apache-2.0
import { flagSets } from './flags.ts';
import { limits } from './limits.ts';
import type { ArgumentKind } from './operations.ts';
import { printWord } from './words.ts';

/** One extent of an id map: as many ids, from these two on, stand for each other. */
export interface IdMapping {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

/** How arguments of one kind are read and written. Words are decoded already, and not yet encoded. */
interface Codec {
  /** What a message says that is wanted. */
  readonly wanted: string;
  /** The value, or undefined if the word is not of this kind. */
  readonly parse: (word: string) => unknown;
  /** The word, or undefined if the value is not of this kind. */
  readonly print: (value: unknown) => string | undefined;
}

const UINT_MAX = 0xffff_ffff;
const U64_MAX = 0xffff_ffff_ffff_ffffn;
const sets: Readonly<Record<string, readonly string[]>> = flagSets;

const fd = integer(limits.descriptors - 1, `a descriptor, 0 to ${limits.descriptors - 1}`);
const uint = integer(UINT_MAX, 'a decimal number below 2^32');
const id = integer(UINT_MAX - 1, 'an id, 0 to 2^32-2');

const codecs: Readonly<Record<string, Codec>> = {
  fd,
  uint,
  id,
  ids: id,
  dirfd: orWord(fd, { word: 'AT_FDCWD', value: 'AT_FDCWD' }),
  'fd?': orWord(fd, { word: '-', value: null }),
  path: string(`a path of 1 to ${limits.pathBytes} bytes`, (text) => text !== '' && bytesOf(text) <= limits.pathBytes),
  file: string(
    `a file name of 1 to ${limits.fileNameBytes} bytes without /`,
    (text) => !['', '.', '..'].includes(text) && !text.includes('/') && bytesOf(text) <= limits.fileNameBytes,
  ),
  text: string('a string', () => true),
  strings: string('a string', () => true),
  mode: {
    wanted: 'four octal digits',
    parse: (word) => (/^[0-7]{4}$/.test(word) ? Number.parseInt(word, 8) : undefined),
    print: (value) => (isInteger(value, 0o7777) ? value.toString(8).padStart(4, '0') : undefined),
  },
  limit: {
    wanted: 'a decimal number below 2^64, or RLIM_INFINITY',
    parse: (word) => (word === 'RLIM_INFINITY' ? word : parseDecimal(word, U64_MAX)),
    print: (value) => {
      if (value === 'RLIM_INFINITY') return value;
      return typeof value === 'bigint' && value >= 0n && value <= U64_MAX ? String(value) : undefined;
    },
  },
  idmap: {
    wanted: `1 to ${limits.idMappings} INSIDE:OUTSIDE:COUNT joined by commas, or -`,
    parse: parseIdMap,
    print: printIdMap,
  },
};

/** The values of the words that an argument has: one, or for a list the rest of the line; undefined if one is wrong. */
export function parseArgument(kind: ArgumentKind, words: readonly string[]): unknown {
  const { parse } = codecOf(kind);
  if (!isList(kind)) return words.length === 1 ? parse(words[0] ?? '') : undefined;
  const values = words.map((word) => parse(word));
  return values.includes(undefined) ? undefined : values;
}

/** The words of an argument, encoded; undefined if the value is not of this kind or no plan can hold it. */
export function printArgument(kind: ArgumentKind, value: unknown): readonly string[] | undefined {
  const { print } = codecOf(kind);
  if (isList(kind) && !Array.isArray(value)) return undefined;
  const values: readonly unknown[] = isList(kind) && Array.isArray(value) ? value : [value];
  const words = values.map((each) => {
    const word = print(each);
    return word === undefined ? undefined : printWord(word);
  });
  return words.every((word) => word !== undefined) ? words : undefined;
}

/** What a message says that is wanted of an argument of this kind. */
export function wantedOf(kind: ArgumentKind): string {
  return codecOf(kind).wanted;
}

/** True if arguments of this kind take the rest of the line. */
export function isList(kind: ArgumentKind): boolean {
  return kind === 'strings' || kind === 'ids';
}

function codecOf(kind: ArgumentKind): Codec {
  const [form = '', set = ''] = kind.split(':');
  if (form === 'flags') return flags(sets[set] ?? []);
  if (form === 'one') return one(sets[set] ?? []);
  const codec = codecs[form];
  if (codec === undefined) throw new Error(`no such kind of argument: ${kind}`);
  return codec;
}

function integer(most: number, wanted: string): Codec {
  return {
    wanted,
    parse: (word) => {
      const value = parseDecimal(word, BigInt(most));
      return value === undefined ? undefined : Number(value);
    },
    print: (value) => (isInteger(value, most) ? String(value) : undefined),
  };
}

function orWord(codec: Codec, other: { readonly word: string; readonly value: unknown }): Codec {
  return {
    wanted: `${codec.wanted}, or ${other.word}`,
    parse: (word) => (word === other.word ? other.value : codec.parse(word)),
    print: (value) => (value === other.value ? other.word : codec.print(value)),
  };
}

function string(wanted: string, isValid: (text: string) => boolean): Codec {
  return {
    wanted,
    parse: (word) => (isValid(word) ? word : undefined),
    print: (value) => (typeof value === 'string' && isValid(value) ? value : undefined),
  };
}

function flags(names: readonly string[]): Codec {
  const areValid = (given: readonly unknown[]): boolean =>
    new Set(given).size === given.length && given.every((name) => typeof name === 'string' && names.includes(name));
  return {
    wanted: `0, or some of ${names.join('|')}`,
    parse: (word) => {
      const given = word === '0' ? [] : word.split('|');
      return areValid(given) ? given : undefined;
    },
    print: (value) => {
      if (!Array.isArray(value) || !areValid(value)) return undefined;
      return value.length === 0 ? '0' : value.join('|');
    },
  };
}

function one(names: readonly string[]): Codec {
  return string(`one of ${names.join(', ')}`, (text) => names.includes(text));
}

function parseIdMap(word: string): readonly IdMapping[] | undefined {
  if (word === '-') return [];
  const mappings = word.split(',').map((part) => {
    const numbers = part.split(':').map((digits) => parseDecimal(digits, BigInt(UINT_MAX)));
    const [inside, outside, count] = numbers.map(Number);
    if (numbers.includes(undefined) || numbers.length !== 3) return undefined;
    return { inside, outside, count };
  });
  return mappings.every(isIdMapping) && mappings.length <= limits.idMappings ? mappings : undefined;
}

function printIdMap(value: unknown): string | undefined {
  if (!Array.isArray(value) || value.length > limits.idMappings || !value.every(isIdMapping)) return undefined;
  if (value.length === 0) return '-';
  return value.map(({ inside, outside, count }) => `${inside}:${outside}:${count}`).join(',');
}

function isIdMapping(value: unknown): value is IdMapping {
  if (typeof value !== 'object' || value === null) return false;
  if (!('inside' in value && 'outside' in value && 'count' in value)) return false;
  const { inside, outside, count } = value;
  return isInteger(inside, UINT_MAX - 1) && isInteger(outside, UINT_MAX - 1) && isInteger(count, UINT_MAX) && count > 0;
}

function isInteger(value: unknown, most: number): value is number {
  // -0 would come back as 0.
  return Number.isInteger(value) && typeof value === 'number' && value >= 0 && value <= most && !Object.is(value, -0);
}

function parseDecimal(word: string, most: bigint): bigint | undefined {
  if (!/^(?:0|[1-9][0-9]{0,19})$/.test(word)) return undefined;
  const value = BigInt(word);
  return value <= most ? value : undefined;
}

function bytesOf(text: string): number {
  return Buffer.byteLength(text, 'utf8');
}
