// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { parseJson } from '@rkt/formats';

/** The most that one question, or one answer, may be. */
const WIRE_BYTES_MAX = 256 * 1024 * 1024;

const BYTES = 'bytes at';
const NEWLINE = 0x0a;

/**
 * Data for another process of ours: a line of JSON, and behind it the bytes that are part of it, as they are.
 *
 * Attestations are tens of megabytes: in JSON they would be there three more times, and in strings.
 */
export function pack(data: unknown, what: string): Buffer {
  const pieces: Uint8Array[] = [];
  const head = Buffer.from(`${JSON.stringify(lift(data, pieces))}\n`);
  const bytes = pieces.reduce((sum, piece) => sum + piece.byteLength, head.byteLength);
  if (bytes <= WIRE_BYTES_MAX) return Buffer.concat([head, ...pieces], bytes);
  throw new Failure(EXIT.dataRefused, `cannot hand over ${what}: it has more than ${WIRE_BYTES_MAX} bytes`);
}

/** The data with places where bytes were. JSON.stringify would make a list of numbers of a Buffer before anybody could look at it. */
function lift(value: unknown, pieces: Uint8Array[]): unknown {
  if (value instanceof Uint8Array) {
    const start = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
    pieces.push(value);
    return { [BYTES]: [start, start + value.byteLength] };
  }
  if (Array.isArray(value)) return value.map((inner) => lift(inner, pieces));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, lift(inner, pieces)]));
}

/** Reads what `pack` made. */
export function unpack(packed: Buffer, what: string): unknown {
  const end = packed.indexOf(NEWLINE);
  if (end < 0) throw new Failure(EXIT.dataRefused, `cannot read ${what}: it was cut`);
  const bytes = packed.subarray(end + 1);
  return revive(parseJson(packed.subarray(0, end), { what, limitBytes: WIRE_BYTES_MAX }), bytes);
}

function revive(value: unknown, bytes: Buffer): unknown {
  if (Array.isArray(value)) return value.map((inner) => revive(inner, bytes));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const place: unknown = entries.length === 1 && entries[0]?.[0] === BYTES ? entries[0][1] : undefined;
  if (isPlace(place)) return bytes.subarray(...place);
  return Object.fromEntries(entries.map(([key, inner]) => [key, revive(inner, bytes)]));
}

// Members of strangers are texts, annotations, so none of them is taken for one of ours.
function isPlace(value: unknown): value is [number, number] {
  return Array.isArray(value) && value.length === 2 && value.every(Number.isSafeInteger);
}
