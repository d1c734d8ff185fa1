// SPDX-License-Identifier: Apache-2.0
import { type Verification, type VerifiedSignature } from '@rkt/formats';
import { type Signer } from '@rkt/signatures';
import { type Answer } from './ask.ts';
import { type FoundSignature, type Subject } from './evidence.ts';
import { printName, type ImageName } from './image-name.ts';
import { type Question, type Verifier } from './question.ts';

/** A signature that was looked at for one requirement. */
export interface Looked extends Answer {
  readonly signature: FoundSignature;
  /** Good, of somebody who may vouch, and about this image. */
  readonly counts: boolean;
  /** Why it does not count though it is good. */
  readonly problem?: string;
  /** It was looked at as an attestation. */
  readonly attestation?: true;
}

/** A decision. */
export interface Decided {
  readonly outcome: 'accepted' | 'rejected';
  readonly reasons: readonly string[];
  readonly looked: readonly Looked[];
  readonly sources?: readonly string[];
  readonly notAfter?: Date | undefined;
}

/** What is kept of a decision. */
export function recordOf(
  question: Question,
  { outcome, reasons, looked, sources = [], notAfter }: Decided,
): Verification {
  const { image, id, name, evidence, rules, verifier, nowMs } = question;
  return {
    image,
    id,
    subject: subjectOf(evidence.subject),
    name: printName(name),
    policy: { path: rules.path, sha256: rules.sha256, scope: rules.scope },
    outcome,
    reasons: [...reasons],
    rules: [...new Set(sources)],
    signatures: once(looked).map(signatureRecord),
    insecureOptions: [],
    verifier,
    verifiedAt: new Date(nowMs).toISOString(),
    ...(notAfter === undefined ? {} : { notAfter: notAfter.toISOString() }),
  };
}

/** What is known of an image whose signatures nobody looks at. */
export interface SkippedImage {
  readonly image: string;
  readonly id: Verification['id'];
  readonly name: ImageName;
  readonly subject: Subject;
  readonly verifier: Verifier;
  readonly nowMs: number;
}

/** The record of an image that is used because the caller takes the responsibility. */
export function skipped({ image, id, name, subject, verifier, nowMs }: SkippedImage): Verification {
  return {
    image,
    id,
    subject: subjectOf(subject),
    name: printName(name),
    outcome: 'skipped',
    reasons: ['--insecure-options=image'],
    rules: [],
    signatures: [],
    insecureOptions: ['image'],
    verifier,
    verifiedAt: new Date(nowMs).toISOString(),
  };
}

function subjectOf({ kind, digest, size, indexDigest }: Subject): Verification['subject'] {
  return { kind, digest, size, ...(indexDigest === undefined ? {} : { indexDigest }) };
}

/** Each signature once: what counted before what is good, that before what is bad. */
function once(looked: readonly Looked[]): Looked[] {
  const rank = ({ counts, verdict }: Looked) => (counts ? 2 : verdict.outcome === 'good' ? 1 : 0);
  const best = new Map<string, Looked>();
  for (const one of looked) {
    const key = `${one.signature.subject} ${one.signature.blob}`;
    const before = best.get(key);
    if (before === undefined || rank(one) > rank(before)) best.set(key, one);
  }
  return [...best.values()];
}

/** A signature as the record has it. */
function signatureRecord({ signature, verdict, source, problem, attestation }: Looked): VerifiedSignature {
  const { kind, blob, subject } = signature;
  const isAttestation = attestation === true || kind === 'cosign-attestation';
  const head = { kind: isAttestation ? ('attestation' as const) : kind, blob, subject };
  if (verdict.outcome === 'bad') {
    const signer = verdict.signer === undefined ? {} : { signer: signerOf(verdict.signer) };
    return { ...head, result: 'bad', reason: verdict.reason, ...signer };
  }
  const { signer, signedAt, log, claims } = verdict;
  return {
    ...head,
    result: 'good',
    signer: signerOf(signer),
    ...(problem === undefined ? {} : { reason: problem }),
    ...(source === undefined ? {} : { rule: source }),
    ...(signedAt === undefined ? {} : { signedAt: signedAt.time.toISOString(), timeSource: signedAt.source }),
    ...(log === undefined ? {} : { log: { id: log.id, index: log.index } }),
    ...(claims.reference === undefined ? {} : { reference: claims.reference }),
    ...(claims.predicateType === undefined ? {} : { predicateType: claims.predicateType }),
  };
}

function signerOf(signer: Signer): NonNullable<VerifiedSignature['signer']> {
  if (signer.kind !== 'pgp') return { ...signer };
  const { kind, fingerprint, keyId, userIds } = signer;
  return { kind, keyId, userIds: [...userIds], ...(fingerprint === undefined ? {} : { fingerprint }) };
}
