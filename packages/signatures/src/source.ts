// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { parseDigest, type Digest } from '@rkt/names';

const PIECE_BYTES = 16 * 1024;

/** Content that is read once, by a verifier as far as it likes and then to the end, and hashed on the way. */
export interface Source {
  /** The content for a verifier; to be asked for once. */
  readonly stream: () => ReadableStream<Uint8Array>;
  /** True once the last byte was read. */
  readonly ended: () => boolean;
  /** Reads what is left and sums up; throws what the content threw. */
  readonly finish: () => Promise<{ readonly sha256: Digest; readonly sha512: string; readonly sizeBytes: number }>;
}

/** A source of the chunks that the content yields. */
export function sourceOf(content: AsyncIterable<Uint8Array>): Source {
  const [sha256, sha512] = [createHash('sha256'), createHash('sha512')];
  const iterator = content[Symbol.asyncIterator]();
  let sizeBytes = 0;
  let ended = false;
  let rest: Uint8Array = new Uint8Array();
  // One step at a time, whoever asks: a step that the verifier began and no longer waits for is waited for here.
  let last: Promise<Uint8Array | undefined> = Promise.resolve(rest);
  const step = async (): Promise<Uint8Array | undefined> => {
    if (rest.byteLength === 0) {
      const { done, value } = await iterator.next();
      ended = done === true;
      if (done === true) return undefined;
      rest = value;
    }
    // A copy: the caller may use its buffer again while the verifier still has this piece to hash. Small, for large ones stay
    // in memory for long.
    const piece = new Uint8Array(rest.subarray(0, PIECE_BYTES));
    rest = rest.subarray(PIECE_BYTES);
    sha256.update(piece);
    sha512.update(piece);
    sizeBytes += piece.byteLength;
    return piece;
  };
  const next = (): Promise<Uint8Array | undefined> => {
    last = last.then((piece) => (piece === undefined ? undefined : step()));
    return last;
  };
  return {
    stream: () =>
      new ReadableStream<Uint8Array>(
        {
          pull: async (controller) => {
            const piece = await next();
            if (piece === undefined) controller.close();
            else controller.enqueue(piece);
          },
        },
        { highWaterMark: 0 },
      ),
    ended: () => ended,
    finish: async () => {
      while ((await next()) !== undefined);
      return {
        sha256: parseDigest(`sha256:${sha256.digest('hex')}`),
        sha512: `sha512:${sha512.digest('hex')}`,
        sizeBytes,
      };
    },
  };
}
