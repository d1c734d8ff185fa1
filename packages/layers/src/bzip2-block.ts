// SPDX-License-Identifier: Apache-2.0
import type { BitReader } from './bits.ts';
import { refusal } from './refusal.ts';

/** A block before its Burrows-Wheeler transform is undone: what `count` bytes there are, and where to begin. */
export interface Block {
  /** Of the bytes that the block expands to. */
  readonly crc: number;
  readonly count: number;
  readonly origin: number;
}

/** One Huffman code: canonical, so the lengths say all. */
interface Code {
  readonly minLength: number;
  readonly maxLength: number;
  /** By length: the largest code word, and what to take from a code word to get its place in `symbols`. */
  readonly limits: Int32Array;
  readonly offsets: Int32Array;
  readonly symbols: Uint16Array;
}

const LENGTH_MAX = 20;
const GROUP_SYMBOLS = 50;

/**
 * Reads a block behind its magic into the low bytes of `bytes`, whose length is the size of a block.
 *
 * Nothing here takes longer than the block has bits, whatever they are: a small block costs little.
 */
export function readBlock({ bits }: BitReader, bytes: Uint32Array): Block {
  const crc = ((bits(16) << 16) | bits(16)) >>> 0;
  // No writer has made such blocks since version 0.9.5 of 1999.
  if (bits(1) === 1) throw malformed('a randomised block');
  const origin = bits(24);
  const alphabet = readAlphabet(bits);
  const codeCount = bits(3);
  if (codeCount < 2 || codeCount > 6) throw malformed('a wrong count of codes');
  const selectors = readSelectors(bits, codeCount);
  const codes = Array.from({ length: codeCount }, () => readCode(bits, alphabet.length + 2));
  const count = readSymbols({ bits, alphabet, codes, selectors, bytes });
  if (origin >= count) throw malformed('a wrong origin');
  return { crc, count, origin };
}

type Bits = BitReader['bits'];

/** The bytes that the block has. */
function readAlphabet(bits: Bits): Uint8Array {
  const rows = bits(16);
  const found: number[] = [];
  for (let row = 0; row < 16; row += 1) {
    if (((rows >> (15 - row)) & 1) === 0) continue;
    const columns = bits(16);
    for (let column = 0; column < 16; column += 1) {
      if (((columns >> (15 - column)) & 1) === 1) found.push(row * 16 + column);
    }
  }
  if (found.length === 0) throw malformed('an empty alphabet');
  return Uint8Array.from(found);
}

/** Which code is used for each group of 50 symbols. */
function readSelectors(bits: Bits, codeCount: number): Uint8Array {
  const count = bits(15);
  if (count === 0) throw malformed('no selectors');
  const recent = Uint8Array.from({ length: codeCount }, (_, index) => index);
  return Uint8Array.from({ length: count }, () => {
    let place = 0;
    while (bits(1) === 1) {
      place += 1;
      if (place >= codeCount) throw malformed('a wrong selector');
    }
    return moveToFront(recent, place);
  });
}

function moveToFront(recent: Uint8Array, place: number): number {
  const value = recent[place] ?? 0;
  recent.copyWithin(1, 0, place);
  recent[0] = value;
  return value;
}

function readCode(bits: Bits, symbolCount: number): Code {
  const lengths = new Uint8Array(symbolCount);
  let length = bits(5);
  for (let symbol = 0; symbol < symbolCount; symbol += 1) {
    for (;;) {
      if (length < 1 || length > LENGTH_MAX) throw malformed('a wrong length of a code word');
      if (bits(1) === 0) break;
      length += bits(1) === 0 ? 1 : -1;
    }
    lengths[symbol] = length;
  }
  return codeOf(lengths);
}

function codeOf(lengths: Uint8Array): Code {
  const [limits, offsets] = [new Int32Array(LENGTH_MAX + 2).fill(-1), new Int32Array(LENGTH_MAX + 2)];
  const symbols = new Uint16Array(lengths.length);
  let [code, index, minLength, maxLength] = [0, 0, 0, 0];
  for (let length = 1; length <= LENGTH_MAX; length += 1) {
    offsets[length] = code - index;
    for (const [symbol, found] of lengths.entries()) {
      if (found !== length) continue;
      symbols[index] = symbol;
      index += 1;
      code += 1;
      maxLength = length;
      minLength ||= length;
    }
    limits[length] = code - 1;
    // More code words than there are would make decoders disagree.
    if (code > 2 ** length) throw malformed('an overfull code');
    code *= 2;
  }
  return { minLength, maxLength, limits, offsets, symbols };
}

interface Symbols {
  readonly bits: Bits;
  readonly alphabet: Uint8Array;
  readonly codes: readonly Code[];
  readonly selectors: Uint8Array;
  readonly bytes: Uint32Array;
}

/** Undoes Huffman code, move-to-front and the runs of the most recent byte; returns how many bytes there are. */
function readSymbols({ bits, alphabet, codes, selectors, bytes }: Symbols): number {
  const recent = alphabet.slice();
  const end = alphabet.length + 1;
  let [count, run, weight] = [0, 0, 1];
  let code: Code | undefined;
  for (let at = 0; ; at += 1) {
    if (at % GROUP_SYMBOLS === 0) code = codes[selectors[at / GROUP_SYMBOLS] ?? codes.length];
    if (code === undefined) throw malformed('too few selectors');
    const symbol = readSymbol(bits, code);
    if (symbol < 2) {
      run += weight << symbol;
      weight *= 2;
      // Before `weight` can overflow, the run is longer than any block.
      if (run > bytes.length - count) throw malformed('a block of more bytes than it may have');
      continue;
    }
    if (run > 0) {
      bytes.fill(recent[0] ?? 0, count, count + run);
      count += run;
      [run, weight] = [0, 1];
    }
    if (symbol === end) return count;
    if (count === bytes.length) throw malformed('a block of more bytes than it may have');
    bytes[count] = moveToFront(recent, symbol - 1);
    count += 1;
  }
}

function readSymbol(bits: Bits, { minLength, maxLength, limits, offsets, symbols }: Code): number {
  let word = bits(minLength);
  for (let length = minLength; length <= maxLength; length += 1) {
    if (word <= (limits[length] ?? 0)) return symbols[word - (offsets[length] ?? 0)] ?? 0;
    word = (word << 1) | bits(1);
  }
  throw malformed('an unknown code word');
}

function malformed(what: string): Error {
  return refusal(`malformed bzip2 data: ${what}`);
}
