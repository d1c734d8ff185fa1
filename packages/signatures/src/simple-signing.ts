// SPDX-License-Identifier: Apache-2.0
import { readSignedMessage } from './message.ts';
import { loadOpenPgp } from './openpgp.ts';
import { readPayload } from './payload.ts';
import { readSignature } from './pgp-read.ts';
import { verifyingWith } from './pgp-signature.ts';
import { verifySignatures } from './pgp-verify.ts';
import type { SimpleSigningQuestion } from './question.ts';
import { badOf, judged, Refused } from './refusal.ts';
import { sourceOf } from './source.ts';
import type { Verdict } from './verdict.ts';

/** The size of the largest signature of this kind; usual ones have about a kilobyte. */
const BLOB_BYTES_MAX = 256 * 1024;

/**
 * Verifies one signature in the format of containers-signature(5): an OpenPGP signed message about a manifest digest.
 *
 * The verdict is about the digest of the question; `claims.reference` is left for the caller to compare with the name of the image.
 */
export function verifySimpleSigning(blob: Uint8Array, question: SimpleSigningQuestion): Promise<Verdict> {
  return judged(async () => {
    if (blob.byteLength > BLOB_BYTES_MAX)
      throw new Refused('malformed', `the signature is larger than ${BLOB_BYTES_MAX} bytes`);
    const { content, signature } = readSignedMessage(blob);
    const library = await loadOpenPgp();
    const packets = [await readSignature(library, signature)];
    const [verdict] = await verifySignatures(verifyingWith(library, question), sourceOf(whole(content)), [packets]);
    // Not a byte of the payload is looked at before this line.
    if (verdict === undefined) throw new Refused('failed', 'the verifier gave no answer');
    if (verdict.outcome === 'bad') return verdict;
    try {
      return { ...verdict, claims: readPayload(content, 'atomic container signature', question.digest) };
    } catch (error) {
      return badOf(error, verdict.signer);
    }
  });
}

async function* whole(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}
