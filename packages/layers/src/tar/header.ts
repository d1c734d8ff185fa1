// SPDX-License-Identifier: Apache-2.0
import { quote, refusal } from '../refusal.ts';

/** The bytes of a header, and of the unit that everything in a tar is padded to. */
export const BLOCK_BYTES = 512;

/** One header as it stands in the tar; strings are bytes, one character each. */
export interface Header {
  readonly type: string;
  readonly format: 'v7' | 'ustar' | 'gnu';
  readonly name: string;
  readonly linkname: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Seconds since the epoch; what lies before it is 0, as the field's tools have it. */
  readonly mtime: number;
  readonly devmajor: number;
  readonly devminor: number;
  /** The block itself, for fields that only one type has. */
  readonly block: Buffer;
}

/** True for a block of zeros, two of which end a tar. */
export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Reads a header; a field that is malformed in any way is refused, since another reader might read it otherwise. */
export function parseHeader(block: Buffer): Header {
  const field = (offset: number, length: number): Buffer => block.subarray(offset, offset + length);
  if (parseNumber(field(148, 8), 'checksum') !== checksumOf(block)) throw refusal('the checksum of a header is wrong');
  const format = formatOf(field(257, 8).toString('latin1'));
  const name = stringOf(field(0, 100));
  const prefix = format === 'ustar' ? stringOf(field(345, 155)) : '';
  const type = String.fromCharCode(block[156] ?? 0);
  const hasDevice = format !== 'v7';
  // Some readers look for fields there all the same.
  if (!hasDevice && !isZero(block.subarray(257))) throw refusal('an old header with fields of newer ones');
  return {
    type,
    format,
    name: prefix === '' ? name : `${prefix}/${name}`,
    linkname: stringOf(field(157, 100)),
    // Old writers put the file type into the mode too.
    mode: parseNumber(field(100, 8), 'mode') & 0o7777,
    uid: parseNumber(field(108, 8), 'uid'),
    gid: parseNumber(field(116, 8), 'gid'),
    size: parseNumber(field(124, 12), 'size'),
    mtime: isNegative(field(136, 12)) ? 0 : parseNumber(field(136, 12), 'mtime'),
    devmajor: hasDevice ? parseNumber(field(329, 8), 'devmajor') : 0,
    devminor: hasDevice ? parseNumber(field(337, 8), 'devminor') : 0,
    block,
  };
}

/** A number in octal, or in base 256 if its first bit is set. */
export function parseNumber(bytes: Buffer, what: string): number {
  const value = ((bytes[0] ?? 0) & 0x80) === 0 ? parseOctal(bytes) : parseBase256(bytes);
  if (value === undefined || !Number.isSafeInteger(value)) {
    throw refusal(`malformed ${what} ${quote(bytes.toString('latin1'))} in a header`);
  }
  return value;
}

function parseOctal(bytes: Buffer): number | undefined {
  const match = /^ *([0-7]*)[ \0]*$/.exec(bytes.toString('latin1'));
  if (match === null) return undefined;
  return match[1] === '' ? 0 : Number.parseInt(match[1] ?? '', 8);
}

function parseBase256(bytes: Buffer): number | undefined {
  // More bits of the first byte would be a number that nothing here can have, or a negative one.
  if (bytes[0] !== 0x80) return undefined;
  const value = BigInt(`0x${bytes.toString('hex')}`) - (0x80n << BigInt(8 * (bytes.length - 1)));
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;
}

function isNegative(bytes: Buffer): boolean {
  return bytes[0] === 0xff;
}

function checksumOf(block: Buffer): number {
  let sum = 8 * 0x20;
  for (const [index, byte] of block.entries()) if (index < 148 || index >= 156) sum += byte;
  return sum;
}

function formatOf(magic: string): Header['format'] {
  if (magic === 'ustar\u000000') return 'ustar';
  if (magic === 'ustar  \0') return 'gnu';
  if (magic === '\0'.repeat(8)) return 'v7';
  throw refusal(`unknown tar format ${quote(magic)}`);
}

/** The bytes before the first NUL. */
export function stringOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('latin1', 0, end < 0 ? bytes.length : end);
}
