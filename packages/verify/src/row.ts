// SPDX-License-Identifier: Apache-2.0
import type { Verification, VerifiedSignature } from '@rkt/formats';
import { printTime } from '@rkt/human';

/** A decision as a row: image, outcome, by whom, under which rule, since when; of a refusal only why. */
export function rowOf(decision: Verification): string[] {
  const { image, outcome, reasons, rules, signatures } = decision;
  if (outcome !== 'accepted') return [image, outcome, reasons.join('; ')];
  const counting = signatures.find(
    ({ result, rule }) => result === 'good' && rule !== undefined && rules.includes(rule),
  );
  return [image, outcome, signerOf(counting), rules.join(', '), sinceOf(counting)];
}

function signerOf(signature: VerifiedSignature | undefined): string {
  const signer = signature?.signer;
  switch (signer?.kind) {
    case undefined:
      return '-';
    case 'pgp':
      return signer.userIds[0] ?? signer.fingerprint ?? signer.keyId;
    case 'key':
      return signer.fingerprint;
    case 'identity':
      return signer.san;
  }
}

/** When it was signed. What only the signer says is marked. */
function sinceOf(signature: VerifiedSignature | undefined): string {
  if (signature?.signedAt === undefined) return '-';
  const time = printTime(Date.parse(signature.signedAt));
  return signature.timeSource === 'claimed' ? `${time} (claimed)` : time;
}
