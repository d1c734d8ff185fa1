// SPDX-License-Identifier: Apache-2.0

/** What takes bytes, and may ask to wait before the next. */
type Sink = (bytes: Uint8Array) => void | Promise<void>;

/** A stream of bytes that is read in pieces of the reader's choice. */
export interface Source {
  /** How many bytes have been read. */
  position: () => number;
  /** The next bytes, fewer only at the end of the stream. For small lengths. */
  take: (length: number) => Promise<Buffer>;
  /** Passes on this many bytes without gathering them; false if the stream ends before. */
  copy: (length: number, sink: Sink) => Promise<boolean>;
}

/** Reads a stream as a `Source`. */
export function sourceOf(stream: AsyncIterable<Uint8Array>): Source {
  const chunks = stream[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  let position = 0;

  /** Up to so many bytes, at least one unless the stream has ended. */
  async function some(length: number): Promise<Buffer> {
    while (rest.length === 0) {
      const next = await chunks.next();
      if (next.done === true) return rest;
      rest = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
    }
    const part = rest.subarray(0, length);
    rest = rest.subarray(part.length);
    position += part.length;
    return part;
  }

  async function take(length: number): Promise<Buffer> {
    const first = await some(length);
    if (first.length === length) return first;
    const parts = [first];
    let missing = length - first.length;
    while (missing > 0) {
      const part = await some(missing);
      if (part.length === 0) break;
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts);
  }

  async function copy(length: number, sink: Sink): Promise<boolean> {
    let missing = length;
    while (missing > 0) {
      const part = await some(missing);
      if (part.length === 0) return false;
      missing -= part.length;
      const waiting = sink(part);
      if (waiting !== undefined) await waiting;
    }
    return true;
  }

  return { position: () => position, take, copy };
}
