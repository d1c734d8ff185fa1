// SPDX-License-Identifier: Apache-2.0
import type { LayerLimits } from '../limits.ts';
import { refusal } from '../refusal.ts';
import type { Source } from '../source.ts';
import { BLOCK_BYTES, parseNumber, type Header } from './header.ts';
import { parseDecimal, type Overrides } from './pax.ts';

/** A piece of a file that the tar holds; what lies between the pieces is zeros. */
export interface Extent {
  readonly offset: number;
  readonly length: number;
}

/** A file with holes: its own size, and where what is stored belongs. */
export interface SparseMap {
  readonly name?: string;
  readonly size: number;
  readonly extents: readonly Extent[];
}

/** What the sparse map of an entry is read from. */
export interface SparseInput {
  readonly header: Header;
  readonly overrides: Overrides;
  readonly source: Source;
  readonly limits: LayerLimits;
}

/**
 * The sparse map of an entry, if it has one, in any of the four forms that GNU tar has written.
 *
 * Reads what of the map lies in front of the data; the caller accounts for it by the position of the source.
 */
export async function readSparseMap(input: SparseInput): Promise<SparseMap | undefined> {
  const { header, overrides } = input;
  if (header.type === 'S') return readOldMap(input);
  if (overrides.sparse.length === 0) return undefined;
  const records = new Map(overrides.sparse);
  const version = `${records.get('major') ?? '0'}.${records.get('minor') ?? (records.has('map') ? '1' : '0')}`;
  const size = records.get('realsize') ?? records.get('size');
  if (size === undefined) throw refusal('a sparse file without a size');
  const name = records.get('name');
  if (name?.includes('\0') === true) throw refusal('a NUL byte in the name of a sparse file');
  const map = {
    ...(name === undefined || name === '' ? {} : { name }),
    size: parseDecimal(size, 'GNU.sparse.realsize'),
  };
  if (version === '0.0') return { ...map, extents: pair(numbersOfRecords(overrides), input.limits) };
  if (version === '0.1') return { ...map, extents: pair(numbersOfMap(records.get('map') ?? ''), input.limits) };
  if (version === '1.0') return { ...map, extents: pair(await readNumbers(input), input.limits) };
  throw refusal('a sparse file of an unknown version');
}

/** Refuses a map that is not in order, exceeds the file, or does not account for every byte that is stored. */
export function checkSparseMap({ size, extents }: SparseMap, storedBytes: number): void {
  let end = 0;
  let sum = 0;
  for (const { offset, length } of extents) {
    if (offset < end) throw refusal('the pieces of a sparse file overlap');
    end = offset + length;
    sum += length;
  }
  if (end > size) throw refusal('a piece of a sparse file lies behind its end');
  if (sum !== storedBytes) throw refusal('the pieces of a sparse file are not what is stored');
}

/** 0.0: a record of the offset and one of the length for each piece, in turn. */
function numbersOfRecords({ sparse }: Overrides): number[] {
  const records = sparse.filter(([key]) => key === 'offset' || key === 'numbytes');
  for (const [index, [key]] of records.entries()) {
    if (key !== (index % 2 === 0 ? 'offset' : 'numbytes'))
      throw refusal('the records of a sparse file are not in order');
  }
  return records.map(([key, value]) => parseDecimal(value, `GNU.sparse.${key}`));
}

/** 0.1: one record with all numbers. */
function numbersOfMap(map: string): number[] {
  return map === '' ? [] : map.split(',').map((value) => parseDecimal(value, 'GNU.sparse.map'));
}

/** 1.0: decimal lines in front of the data, how many pieces and then their numbers, padded to a block. */
async function readNumbers({ source, limits }: SparseInput): Promise<number[]> {
  const lines: string[] = [];
  let line = '';
  let wanted = 1;
  while (lines.length < wanted) {
    const block = await source.take(BLOCK_BYTES);
    if (block.length < BLOCK_BYTES) throw refusal('the tar ends within a sparse map');
    const parts = (line + block.toString('latin1')).split('\n');
    line = parts.pop() ?? '';
    lines.push(...parts);
    if (parts.length === 0) throw refusal('malformed number in a sparse map');
    wanted = 1 + 2 * Math.min(parseDecimal(lines[0] ?? '', 'sparse map'), limits.extents + 1);
  }
  return lines.slice(1, wanted).map((digits) => parseDecimal(digits, 'sparse map'));
}

/** The form of type S: four pieces in the header, more in blocks that follow it. */
async function readOldMap({ header, source, limits }: SparseInput): Promise<SparseMap> {
  if (header.format !== 'gnu') throw refusal('a sparse file of type S in a tar that is not of the GNU format');
  const { block } = header;
  const extents = oldExtents(block.subarray(386, 386 + 4 * 24));
  let more = block[482] !== 0;
  while (more) {
    const next = await source.take(BLOCK_BYTES);
    if (next.length < BLOCK_BYTES) throw refusal('the tar ends within a sparse map');
    extents.push(...oldExtents(next.subarray(0, 21 * 24)));
    if (extents.length > limits.extents) throw refusal(`a sparse file with more than ${limits.extents} pieces`);
    more = next[504] !== 0;
  }
  return { size: parseNumber(block.subarray(483, 495), 'size of a sparse file'), extents };
}

function oldExtents(bytes: Buffer): Extent[] {
  const extents: Extent[] = [];
  for (let at = 0; at < bytes.length; at += 24) {
    const piece = bytes.subarray(at, at + 24);
    // The list ends at the first unused place.
    if (piece[0] === 0) break;
    const offset = parseNumber(piece.subarray(0, 12), 'offset of a sparse file');
    extents.push({ offset, length: parseNumber(piece.subarray(12), 'length of a piece of a sparse file') });
  }
  return extents;
}

function pair(numbers: readonly number[], limits: LayerLimits): Extent[] {
  if (numbers.length % 2 === 1) throw refusal('a sparse map with an odd count of numbers');
  if (numbers.length > 2 * limits.extents) throw refusal(`a sparse file with more than ${limits.extents} pieces`);
  return numbers.flatMap((offset, index) => (index % 2 === 0 ? [{ offset, length: numbers[index + 1] ?? 0 }] : []));
}
