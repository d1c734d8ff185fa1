// SPDX-License-Identifier: Apache-2.0
import type { SigstoreQuestion } from './question.ts';
import { badOf } from './refusal.ts';
import type { Verdict } from './verdict.ts';

/** Verifies that a sigstore bundle signs the image of the question: as an in-toto statement of cosign, or directly over its bytes. */
export async function verifyBundleSignature(_bundle: Uint8Array, _question: SigstoreQuestion): Promise<Verdict> {
  return badOf(new Error('not built yet'));
}

/** Verifies an attestation in a sigstore bundle, of any predicate type, about the digest of the question; the statement is in `claims`. */
export async function verifyBundleAttestation(_bundle: Uint8Array, _question: SigstoreQuestion): Promise<Verdict> {
  return badOf(new Error('not built yet'));
}
