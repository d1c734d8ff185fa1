// SPDX-License-Identifier: Apache-2.0
import { loadOpenPgp } from './openpgp.ts';
import { readSignatures } from './pgp-read.ts';
import { issuerOf, verifyingWith } from './pgp-signature.ts';
import { verifySignatures } from './pgp-verify.ts';
import type { DetachedAnswer, DetachedQuestion } from './question.ts';
import { badOf, judged, Refused } from './refusal.ts';
import { sourceOf } from './source.ts';
import type { Bad, PgpSigner } from './verdict.ts';

/**
 * Who says to have made the signatures of an `.asc` file: for an early "none of these is trusted" before a long download.
 *
 * Nothing is proved. A bad verdict says why the file is no detached signature at all.
 */
export async function issuersOfDetached(signature: Uint8Array): Promise<readonly PgpSigner[] | Bad> {
  try {
    const packets = await readSignatures(await loadOpenPgp(), signature);
    return packets.flatMap((packet) => (packet instanceof Refused ? [] : [issuerOf(packet)]));
  } catch (error) {
    return badOf(error);
  }
}

/**
 * Verifies a detached OpenPGP signature over a stream that is read once, from its first byte to its end, in bounded memory.
 *
 * To keep a copy let `content` write what it yields. What `content` throws is thrown again, as it is; nothing else is thrown.
 */
export async function verifyDetached(
  content: AsyncIterable<Uint8Array>,
  question: DetachedQuestion,
): Promise<DetachedAnswer> {
  const source = sourceOf(content);
  const verdict = await judged(async () => {
    const library = await loadOpenPgp();
    const packets = await readSignatures(library, question.signature);
    return verifySignatures(verifyingWith(library, question), source, packets);
  });
  const whole = source.ended();
  const sums = await source.finish();
  // The digests are those of all bytes, so a verdict about a part of them may not stand beside them.
  if (verdict.outcome === 'bad' || whole) return { verdict, ...sums };
  return { verdict: badOf(new Refused('failed', 'the verifier did not read all of the content')), ...sums };
}
