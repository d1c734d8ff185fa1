// SPDX-License-Identifier: Apache-2.0
import { ATTESTATION_BYTES_MAX } from '@rkt/formats';
import { objectOf, parse } from './json.ts';
import type { SigstoreQuestion } from './question.ts';
import { judged, Refused } from './refusal.ts';
import { bundleOf, relevantTo, unseal } from './sealed.ts';
import { verifySealed, withClaims } from './sigstore.ts';
import { readStatement, SIGN_PREDICATE_TYPE } from './statement.ts';
import { NO_CLAIMS, type Verdict } from './verdict.ts';

const MEDIA_TYPES = [
  'application/vnd.dev.sigstore.bundle+json;version=0.1',
  'application/vnd.dev.sigstore.bundle+json;version=0.2',
  'application/vnd.dev.sigstore.bundle+json;version=0.3',
  'application/vnd.dev.sigstore.bundle.v0.3+json',
];

/** Verifies that a sigstore bundle signs the image of the question: as an in-toto statement of cosign, or directly over its bytes. */
export function verifyBundleSignature(bytes: Uint8Array, question: SigstoreQuestion): Promise<Verdict> {
  return judged(async () => {
    const sealed = unseal(await read(bytes, question), question);
    const good = await verifySealed(sealed, question);
    const { digest } = question;
    return withClaims(good, () =>
      sealed.statement ? readStatement(sealed.signed.payload, digest, SIGN_PREDICATE_TYPE) : { ...NO_CLAIMS, digest },
    );
  });
}

/** Verifies an attestation in a sigstore bundle, of any predicate type, about the digest of the question; the statement is in `claims`. */
export function verifyBundleAttestation(bytes: Uint8Array, question: SigstoreQuestion): Promise<Verdict> {
  return judged(async () => {
    const bundle = await read(bytes, question);
    if (bundle.content.$case !== 'dsseEnvelope') throw new Refused('wrong-type', 'it is a signature, no attestation');
    const sealed = unseal(bundle, question);
    const good = await verifySealed(sealed, question);
    return withClaims(good, () => readStatement(sealed.signed.payload, question.digest));
  });
}

function read(bytes: Uint8Array, { trust }: SigstoreQuestion) {
  const document = objectOf(parse(bytes, ATTESTATION_BYTES_MAX), 'the bundle');
  return bundleOf(relevantTo(trust, document), MEDIA_TYPES);
}
