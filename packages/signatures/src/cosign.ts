// SPDX-License-Identifier: Apache-2.0
import type { CosignLayer, SigstoreQuestion } from './question.ts';
import { badOf } from './refusal.ts';
import type { Verdict } from './verdict.ts';

/** Verifies one layer of a `.sig` image of cosign; `claims.reference` is left for the caller to compare. */
export async function verifyCosignSignature(_layer: CosignLayer, _question: SigstoreQuestion): Promise<Verdict> {
  return badOf(new Error('not built yet'));
}

/** Verifies one layer of an `.att` image of cosign, a DSSE envelope, and returns the statement in `claims`. */
export async function verifyCosignAttestation(_layer: CosignLayer, _question: SigstoreQuestion): Promise<Verdict> {
  return badOf(new Error('not built yet'));
}
