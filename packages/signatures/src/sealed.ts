// SPDX-License-Identifier: Apache-2.0
import type { Bundle } from '@sigstore/bundle';
import { IN_TOTO } from '@rkt/formats';
import { isDigestOf, preAuthEncoding, type Signed } from './bytes.ts';
import { objectOf, type JsonObject } from './json.ts';
import type { SigstoreTrust } from './keys.ts';
import type { SigstoreQuestion } from './question.ts';
import { messageOf, Refused } from './refusal.ts';

/** The most entries of logs and timestamps beside one signature. */
const PROOFS_MAX = 8;

/** SHA2_256 and SHA2_384 in the numbers of the bundle format. */
const HASHES: readonly number[] = [1, 2];

/** A signature of sigstore with all that came along. */
export interface Sealed {
  readonly bundle: Bundle;
  readonly signed: Signed;
  /** True if the signed payload is an in-toto statement in a DSSE envelope, false if it is the content itself. */
  readonly statement: boolean;
}

/**
 * The bundle of a parsed document; of two readings of one document none is taken.
 *
 * Media type and members are looked at before the library does, which searches the one for a pattern and takes the first of the other.
 */
export async function bundleOf(document: JsonObject, mediaTypes: readonly string[]): Promise<Bundle> {
  const { mediaType } = document;
  if (typeof mediaType !== 'string' || !mediaTypes.includes(mediaType))
    throw new Refused('unsupported', 'it is no sigstore bundle of a known version');
  const material = objectOf(document['verificationMaterial'], '"verificationMaterial"');
  assertOne(document, ['dsseEnvelope', 'messageSignature']);
  assertOne(material, ['publicKey', 'certificate', 'x509CertificateChain']);
  const bundle = await fromJson(document);
  const { tlogEntries, timestampVerificationData } = bundle.verificationMaterial;
  if (tlogEntries.length + (timestampVerificationData?.rfc3161Timestamps.length ?? 0) > PROOFS_MAX)
    throw new Refused('malformed', `it has more than ${PROOFS_MAX} entries of logs and timestamps`);
  return bundle;
}

/** What the signature of a bundle is about; one directly over the content needs the content. */
export function unseal(bundle: Bundle, { digest, content }: Pick<SigstoreQuestion, 'digest' | 'content'>): Sealed {
  if (bundle.content.$case === 'dsseEnvelope') {
    const { payload, payloadType, signatures } = bundle.content.dsseEnvelope;
    const [signature, ...more] = signatures;
    if (signature === undefined || more.length > 0)
      throw new Refused('malformed', `the envelope has ${signatures.length} signatures: wanted one`);
    if (payloadType !== IN_TOTO) throw new Refused('wrong-type', 'the envelope holds no in-toto statement');
    const bytes = preAuthEncoding(payloadType, payload);
    return { bundle, signed: { bytes, payload, signature: signature.sig }, statement: true };
  }
  const { messageDigest, signature } = bundle.content.messageSignature;
  if (content === undefined) throw new Refused('nobody-trusted', 'the bytes that it signs are not at hand');
  if (!isDigestOf(content, Buffer.from(digest.slice('sha256:'.length), 'hex')))
    throw new Refused('wrong-digest', `the content does not have the digest ${digest}`);
  // The library compares entries of logs with this digest, and this digest with nothing.
  if (!HASHES.includes(messageDigest.algorithm) || !isDigestOf(content, messageDigest.digest))
    throw new Refused('wrong-digest', `it signs something else than ${digest}`);
  return { bundle, signed: { bytes: content, payload: content, signature }, statement: false };
}

async function fromJson(document: JsonObject): Promise<Bundle> {
  const { bundleFromJSON } = await import('@sigstore/bundle');
  try {
    return bundleFromJSON(document);
  } catch (error) {
    throw new Refused('malformed', `it is no sigstore bundle: ${messageOf(error)}`);
  }
}

function assertOne(object: JsonObject, members: readonly string[]): void {
  const found = members.filter((member) => Object.hasOwn(object, member));
  if (found.length !== 1) throw new Refused('malformed', `it has ${found.length} of ${members.join(', ')}: wanted one`);
}

/**
 * The document without what the question is not about: whoever trusts a bare key and no log has logs and times left out, for those of
 * others that come along can only be wrong.
 */
export function relevantTo(trust: SigstoreTrust, document: JsonObject): JsonObject {
  if (trust.kind === 'identities' || trust.root !== undefined) return document;
  const material = objectOf(document['verificationMaterial'], '"verificationMaterial"');
  return {
    ...document,
    verificationMaterial: { ...material, tlogEntries: [], timestampVerificationData: undefined },
  };
}
