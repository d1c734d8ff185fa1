// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { parseDigest } from '@rkt/names';
import type { DetachedAnswer, DetachedQuestion } from './question.ts';
import { refuse } from './refusal.ts';
import type { PgpSigner, Verdict } from './verdict.ts';

/**
 * Who says to have made the signatures of an `.asc` file: for an early "none of these is trusted" before a long download.
 *
 * Nothing is proved. A bad verdict says why the file is no detached signature at all.
 */
export async function issuersOfDetached(_signature: Uint8Array): Promise<readonly PgpSigner[] | Verdict> {
  return refuse('failed', 'not built yet');
}

/**
 * Verifies a detached OpenPGP signature over a stream that is read once, from its first byte to its end, in bounded memory.
 *
 * To keep a copy let `content` write what it yields. What `content` throws is thrown again, as it is; nothing else is thrown.
 */
export async function verifyDetached(
  content: AsyncIterable<Uint8Array>,
  _question: DetachedQuestion,
): Promise<DetachedAnswer> {
  const [sha256, sha512] = [createHash('sha256'), createHash('sha512')];
  let sizeBytes = 0;
  for await (const chunk of content) {
    sha256.update(chunk);
    sha512.update(chunk);
    sizeBytes += chunk.byteLength;
  }
  return {
    verdict: refuse('failed', 'not built yet'),
    sha256: parseDigest(`sha256:${sha256.digest('hex')}`),
    sha512: `sha512:${sha512.digest('hex')}`,
    sizeBytes,
  };
}
