// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { ATTESTATION_BYTES_MAX } from '@rkt/formats';
import { parseDigest } from '@rkt/names';
import { objectOf, parse, type JsonObject } from './json.ts';
import { readPayload } from './payload.ts';
import type { CosignLayer, SigstoreQuestion } from './question.ts';
import { judged, Refused } from './refusal.ts';
import { bundleOf, relevantTo, unseal } from './sealed.ts';
import { verifySealed, withClaims } from './sigstore.ts';
import { readStatement } from './statement.ts';
import type { Verdict } from './verdict.ts';

/** The size of the largest annotation, and of the largest payload of a signature. */
const ANNOTATION_BYTES_MAX = 256 * 1024;
const PAYLOAD_BYTES_MAX = 1024 * 1024;

/** What a layer of cosign is turned into: the generation of bundles that had a promise of the log and no proof. */
const MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle+json;version=0.1';

/** Verifies one layer of a `.sig` image of cosign; `claims.reference` is left for the caller to compare. */
export function verifyCosignSignature(layer: CosignLayer, question: SigstoreQuestion): Promise<Verdict> {
  return judged(async () => {
    const { payload, annotations } = layer;
    if (payload.byteLength > PAYLOAD_BYTES_MAX)
      throw new Refused('malformed', `the payload is larger than ${PAYLOAD_BYTES_MAX} bytes`);
    const signature = annotations['dev.cosignproject.cosign/signature'];
    if (signature === undefined || signature === '') throw new Refused('unsigned', 'there is no signature in it');
    const sha256 = createHash('sha256').update(payload).digest();
    const bundle = await bundleFor(layer, question, {
      messageSignature: {
        messageDigest: { algorithm: 'SHA2_256', digest: sha256.toString('base64') },
        signature: assertBase64(signature),
      },
    });
    const digest = parseDigest(`sha256:${sha256.toString('hex')}`);
    const good = await verifySealed(unseal(bundle, { digest, content: payload }), question);
    return withClaims(good, () => readPayload(payload, 'cosign container image signature', question.digest));
  });
}

/** Verifies one layer of an `.att` image of cosign, a DSSE envelope, and returns the statement in `claims`. */
export function verifyCosignAttestation(layer: CosignLayer, question: SigstoreQuestion): Promise<Verdict> {
  return judged(async () => {
    const dsseEnvelope = objectOf(parse(layer.payload, ATTESTATION_BYTES_MAX), 'the envelope');
    const sealed = unseal(await bundleFor(layer, question, { dsseEnvelope }), question);
    const good = await verifySealed(sealed, question);
    return withClaims(good, () => readStatement(sealed.signed.payload, question.digest));
  });
}

function bundleFor({ annotations }: CosignLayer, { trust }: SigstoreQuestion, content: JsonObject) {
  const certificate = annotations['dev.sigstore.cosign/certificate'];
  const entry = annotations['dev.sigstore.cosign/bundle'];
  const timestamp = annotations['dev.sigstore.cosign/rfc3161timestamp'];
  // The chain beside a certificate is not looked at: authorities come from the trusted root.
  const key =
    certificate === undefined
      ? { publicKey: { hint: '' } }
      : { x509CertificateChain: { certificates: [{ rawBytes: derOf(certificate) }] } };
  const relevant = trust.kind === 'identities' || trust.root !== undefined;
  const verificationMaterial = {
    ...key,
    tlogEntries: entry === undefined || !relevant ? [] : [entryOf(entry)],
    timestampVerificationData: {
      rfc3161Timestamps: timestamp === undefined || !relevant ? [] : [timestampOf(timestamp)],
    },
  };
  return bundleOf(relevantTo(trust, { mediaType: MEDIA_TYPE, verificationMaterial, ...content }), [MEDIA_TYPE]);
}

/** What the log answered when cosign sent it the signature, in its own words, as an entry of a bundle. */
function entryOf(annotation: string): JsonObject {
  const answer = annotationOf(annotation, 'the entry of the log');
  const { body, integratedTime, logIndex, logID } = objectOf(answer['Payload'], '"Payload"');
  if (typeof body !== 'string' || typeof logID !== 'string' || !/^[0-9a-f]{64}$/.test(logID))
    throw new Refused('malformed', 'the entry of the log is incomplete');
  const { kind, apiVersion } = objectOf(
    parse(Buffer.from(body, 'base64'), ANNOTATION_BYTES_MAX),
    'the entry of the log',
  );
  return {
    logIndex: wholeNumber(logIndex),
    logId: { keyId: Buffer.from(logID, 'hex').toString('base64') },
    kindVersion: { kind, version: apiVersion },
    integratedTime: wholeNumber(integratedTime),
    inclusionPromise: { signedEntryTimestamp: answer['SignedEntryTimestamp'] },
    canonicalizedBody: body,
  };
}

function timestampOf(annotation: string): JsonObject {
  return { signedTimestamp: annotationOf(annotation, 'the timestamp')['SignedRFC3161Timestamp'] };
}

function annotationOf(text: string, what: string): JsonObject {
  return objectOf(parse(Buffer.from(text), ANNOTATION_BYTES_MAX), what);
}

function wholeNumber(value: unknown): string {
  if (!Number.isSafeInteger(value))
    throw new Refused('malformed', 'the entry of the log has no number where one belongs');
  return String(value);
}

function derOf(pem: string): string {
  const body = /^\s*-----BEGIN CERTIFICATE-----\s([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*$/.exec(pem)?.[1];
  if (body === undefined) throw new Refused('malformed', 'the certificate is not one block of PEM');
  return assertBase64(body.replaceAll(/\s/g, ''));
}

function assertBase64(text: string): string {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) throw new Refused('malformed', 'it is not base64');
  return text;
}
