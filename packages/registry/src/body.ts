// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';
import { networkFailure } from './errors.ts';
import { type HttpResponse, type Timeouts } from './transport.ts';

/** The pieces of a body, as long as they come fast enough; only the waiting counts, not what the reader does with them. */
export async function* pacedBody({ body }: HttpResponse, host: string, timeouts: Timeouts): AsyncGenerator<Buffer> {
  const pieces = body[Symbol.asyncIterator]();
  const pace = makePace(timeouts);
  try {
    for (;;) {
      const startNs = process.hrtime.bigint();
      const next = await nextPiece(pieces, host);
      if (next.done === true) return;
      const piece = bufferOf(next.value);
      if (pace.isTooSlow(Number(process.hrtime.bigint() - startNs) / 1e6, piece.byteLength)) throw tooSlow(host);
      yield piece;
    }
  } finally {
    body.destroy();
  }
}

/** Tells, piece by piece, whether a window of waiting brought too little. */
function makePace({ rateWindowMs, rateBytes }: Timeouts) {
  let [waitedMs, bytes] = [0, 0];
  return {
    isTooSlow: (pieceMs: number, pieceBytes: number): boolean => {
      [waitedMs, bytes] = [waitedMs + pieceMs, bytes + pieceBytes];
      if (waitedMs < rateWindowMs) return false;
      const isSlow = bytes < (rateBytes * waitedMs) / 1000;
      [waitedMs, bytes] = [0, 0];
      return isSlow;
    },
  };
}

async function nextPiece(pieces: AsyncIterator<unknown>, host: string): Promise<IteratorResult<unknown>> {
  try {
    return await pieces.next();
  } catch (error) {
    throw networkFailure(error, host);
  }
}

function bufferOf(piece: unknown): Buffer {
  if (Buffer.isBuffer(piece)) return piece;
  throw new TypeError('a body is made of buffers');
}

function tooSlow(host: string): Failure {
  return new Failure(EXIT.unavailable, `cannot read from "${printable(host)}": it sends too slowly`);
}

/** A whole body of at most the given size. */
export async function readBody(pieces: AsyncIterable<Buffer>, what: string, limitBytes: number): Promise<Buffer> {
  const found: Buffer[] = [];
  let size = 0;
  for await (const piece of pieces) {
    size += piece.byteLength;
    if (size > limitBytes)
      throw new Failure(EXIT.dataRefused, `cannot read ${what}: it is larger than ${limitBytes} bytes`);
    found.push(piece);
  }
  return Buffer.concat(found, size);
}
