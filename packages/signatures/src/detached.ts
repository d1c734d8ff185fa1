// SPDX-License-Identifier: Apache-2.0
import type { SignaturePacket } from 'openpgp';
import { loadOpenPgp, type OpenPgp } from './openpgp.ts';
import { readSignatures } from './pgp-read.ts';
import { issuerOf, verifyingWith } from './pgp-signature.ts';
import { verifySignatures } from './pgp-verify.ts';
import type { DetachedAnswer, DetachedQuestion } from './question.ts';
import { badOf, messageOf, Refused } from './refusal.ts';
import { sourceOf, type Source } from './source.ts';
import type { Bad, PgpSigner, Verdict } from './verdict.ts';

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
 * Verifies detached OpenPGP signatures over a stream that is read once for all of them, from its first byte to its end, in bounded memory.
 *
 * To keep a copy let `content` write what it yields. What `content` throws is thrown again, as it is; nothing else is thrown.
 */
export async function verifyDetached(
  content: AsyncIterable<Uint8Array>,
  question: DetachedQuestion,
): Promise<DetachedAnswer> {
  const source = sourceOf(content);
  const verdicts = await judgeFiles(source, question);
  const whole = source.ended();
  const sums = await source.finish();
  // The digests are those of all bytes, so a verdict about a part of them may not stand beside them.
  const partial = badOf(new Refused('failed', 'the verifier did not read all of the content'));
  return { verdicts: verdicts.map((verdict) => (verdict.outcome === 'bad' || whole ? verdict : partial)), ...sums };
}

async function judgeFiles(source: Source, question: DetachedQuestion): Promise<readonly Verdict[]> {
  const { signatures } = question;
  try {
    const library = await loadOpenPgp();
    const files = await Promise.all(signatures.map((file) => packetsOf(library, file)));
    return await verifySignatures(verifyingWith(library, question), source, files);
  } catch (error) {
    return signatures.map(() => badOf(error));
  }
}

/** The signatures of a file; one that is no detached signature at all is one refusal, and keeps nobody from the others. */
async function packetsOf(library: OpenPgp, file: Uint8Array): Promise<readonly (SignaturePacket | Refused)[]> {
  try {
    return await readSignatures(library, file);
  } catch (error) {
    return [error instanceof Refused ? error : new Refused('failed', `it cannot be read: ${messageOf(error)}`)];
  }
}
