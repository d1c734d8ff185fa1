// SPDX-License-Identifier: Apache-2.0
import type { SimpleSigningQuestion } from './question.ts';
import { refuse } from './refusal.ts';
import type { Verdict } from './verdict.ts';

/**
 * Verifies one signature in the format of containers-signature(5): an OpenPGP signed message about a manifest digest.
 *
 * The verdict is about the digest of the question; `claims.reference` is left for the caller to compare with the name of the image.
 */
export async function verifySimpleSigning(_blob: Uint8Array, _question: SimpleSigningQuestion): Promise<Verdict> {
  return refuse('failed', 'not built yet');
}
