// SPDX-License-Identifier: Apache-2.0
// `verification.json`: why the images of a pod may be used. Also what rkt-verify prints as JSON.
import * as v from 'valibot';
import { isDigest, type Digest } from '@rkt/names';
import { parseOwn } from './own.ts';

/** The version of the format; a reader refuses any other. */
export const VERIFICATION_VERSION = 2;

const digest = () => v.custom<Digest>((value) => typeof value === 'string' && isDigest(value), 'wanted a digest');

/** A time in the form of RFC 3339, in UTC. */
const time = () => v.pipe(v.string(), v.isoTimestamp());

const signer = () =>
  v.variant('kind', [
    v.strictObject({
      kind: v.literal('pgp'),
      /** Of the primary key; without it the key is not known, and only its short id stands in the signature. */
      fingerprint: v.optional(v.string()),
      keyId: v.string(),
      /** As the key has them. */
      userIds: v.array(v.string()),
    }),
    v.strictObject({ kind: v.literal('key'), fingerprint: v.string() }),
    v.strictObject({ kind: v.literal('identity'), issuer: v.string(), san: v.string() }),
  ]);

const signature = () =>
  v.strictObject({
    kind: v.picklist(['simple-signing', 'bundle', 'cosign', 'detached', 'attestation']),
    /** The blob in which it was found. */
    blob: digest(),
    /** What it is about: the image, or the index that it was found in. */
    subject: digest(),
    result: v.picklist(['good', 'bad']),
    /** Why it is bad, or why a good one does not count. */
    reason: v.optional(v.string()),
    /** Proved if the result is good; else who seems to have signed. */
    signer: v.optional(signer()),
    /** The file that says that this signer may vouch. */
    rule: v.optional(v.string()),
    signedAt: v.optional(time()),
    /** Whose word the time is: `claimed` is the signer's own. */
    timeSource: v.optional(v.picklist(['claimed', 'log', 'tsa'])),
    log: v.optional(v.strictObject({ id: v.string(), index: v.string() })),
    /** The image that the signed text names. */
    reference: v.optional(v.string()),
    predicateType: v.optional(v.string()),
  });

const decision = () =>
  v.strictObject({
    /** The reference by which the image was asked for. */
    image: v.string(),
    id: digest(),
    subject: v.strictObject({
      kind: v.picklist(['manifest', 'aci']),
      digest: digest(),
      size: v.number(),
      /** The index that the image was found in, which lists it. */
      indexDigest: v.optional(digest()),
    }),
    /** The name for which somebody has to vouch. */
    name: v.string(),
    /** Left out where nobody looked at it. */
    policy: v.optional(
      v.strictObject({
        /** The file or directory that decided. */
        path: v.string(),
        /** Of what was in force for this image: rules, keys, settings. */
        sha256: v.string(),
        /** The part of it that matched, such as `prefix.d/example.com`. */
        scope: v.string(),
      }),
    ),
    outcome: v.picklist(['accepted', 'rejected', 'skipped']),
    /** For people: one sentence without a full stop each. */
    reasons: v.array(v.string()),
    /** The rules that were met, by the files that hold them. */
    rules: v.array(v.string()),
    signatures: v.array(signature()),
    insecureOptions: v.array(v.string()),
    verifier: v.strictObject({ version: v.string(), uid: v.number(), host: v.string() }),
    verifiedAt: time(),
    /** When the same question stops being answered so: the earliest end of a key or signature that counted. */
    notAfter: v.optional(time()),
  });

const record = () =>
  v.strictObject({
    version: v.literal(VERIFICATION_VERSION),
    decisions: v.pipe(v.array(decision()), v.maxLength(1000)),
  });

/** What was decided about the images of a pod. */
export type VerificationRecord = v.InferOutput<ReturnType<typeof record>>;

/** What was decided about one image. */
export type Verification = v.InferOutput<ReturnType<typeof decision>>;

/** A signature that was looked at. */
export type VerifiedSignature = v.InferOutput<ReturnType<typeof signature>>;

/** Reads a verification record; the path is for the message. */
export function parseVerification(text: string, path: string): VerificationRecord {
  return parseOwn(record(), text, path);
}

/** The text of a verification record. */
export function printVerification(decisions: readonly Verification[]): string {
  return `${JSON.stringify({ version: VERIFICATION_VERSION, decisions }, null, 2)}\n`;
}
