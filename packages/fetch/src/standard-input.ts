// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';

/** The size of the largest file with credentials. */
const BYTES_MAX = 1024 * 1024;

/** Reads standard input to its end, whatever it is: a file, a pipe, a terminal. */
export async function readStandardInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  const input: AsyncIterable<Buffer> = process.stdin;
  for await (const chunk of input) {
    size += chunk.byteLength;
    if (size > BYTES_MAX) {
      throw new Failure(EXIT.configuration, `cannot read standard input: it is larger than ${BYTES_MAX} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
