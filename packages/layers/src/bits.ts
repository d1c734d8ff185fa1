// SPDX-License-Identifier: Apache-2.0
import { refusal } from './refusal.ts';

/** Reads a stream bit by bit, the highest bit of a byte first, as bzip2 is written. */
export interface BitReader {
  /** The next bits, at most 24 of them, without waiting: for as many as `fill` has promised. */
  readonly bits: (count: number) => number;
  /** True once this many bytes can be read without waiting, or the stream has ended. Returns how many there are. */
  readonly fill: (bytes: number) => Promise<number>;
  /** Passes over the rest of a byte. */
  readonly align: () => void;
}

/** Makes the reader of a stream. Reading beyond its end is refused. */
export function bitReader(stream: AsyncIterable<Uint8Array>): BitReader {
  const chunks = stream[Symbol.asyncIterator]();
  let held: Uint8Array = new Uint8Array(0);
  let at = 0;
  let ended = false;
  // The bits that were taken from `held` and not yet given out: the low `waiting` bits of `word`.
  let word = 0;
  let waiting = 0;

  async function fill(bytes: number): Promise<number> {
    const parts = [held.subarray(at)];
    let size = held.length - at;
    while (size < bytes && !ended) {
      const next = await chunks.next();
      if (next.done === true) ended = true;
      else {
        parts.push(next.value);
        size += next.value.length;
      }
    }
    if (parts.length > 1) [held, at] = [Buffer.concat(parts, size), 0];
    return size;
  }

  function bits(count: number): number {
    while (waiting < count) {
      const byte = held[at];
      if (byte === undefined) throw refusal('the compressed data is cut short');
      at += 1;
      word = ((word & 0xff_ffff) << 8) | byte;
      waiting += 8;
    }
    waiting -= count;
    return (word >>> waiting) & ((1 << count) - 1);
  }

  return { bits, fill, align: () => void (waiting -= waiting % 8) };
}
