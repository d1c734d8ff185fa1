// SPDX-License-Identifier: Apache-2.0
import { componentsFormatOf } from '@rkt/formats';
import { isDigest, type Digest } from '@rkt/names';
import { type Claimed, type Signer, type Verdict } from '@rkt/signatures';
import { askAttestation, askSignatures, type Answer, type Asking } from './ask.ts';
import { type AllAttached, type Attached } from './attached.ts';
import { type FoundSignature } from './evidence.ts';
import { nameProblem } from './identity-rule.ts';
import { type ImageName } from './image-name.ts';
import { readProvenance } from './provenance.ts';
import { type Authority } from './requirement.ts';
import { parseAuthorities, type Signers } from './signers.ts';

/** What is known of a thing that is attached to an image. All texts in it are of strangers. */
export interface Examined {
  readonly what: Attached;
  /** The type of a statement, proved if `verified`. */
  readonly predicateType: string | undefined;
  /** What a statement is about. */
  readonly subjects: readonly Digest[];
  /** Signed by somebody who may speak for the image, and about the image or its index. */
  readonly verified: boolean;
  /** Why it is not verified. */
  readonly reason: string | undefined;
  /** Who signed it, proved if `verified`. */
  readonly signer: Signer | undefined;
  /** The file that says that the signer may speak for the image. */
  readonly rule: string | undefined;
  readonly signedAt: { readonly time: Date; readonly source: 'claimed' | 'log' | 'tsa' } | undefined;
  /** Provenance of SLSA, or a list of components, in a statement or as a document; undefined if it is neither. */
  readonly holds: 'provenance' | 'components' | undefined;
}

/** Something that was examined, with what it says. */
export interface Opened extends Examined {
  readonly predicate: unknown;
}

/** What it takes to examine something. */
export interface Examining extends Pick<AllAttached, 'documents'> {
  /** The name of the image. */
  readonly name: ImageName;
  readonly authorities: readonly Authority[];
  readonly nowMs: number;
}

/** Makes a function that examines what is attached to one image; the keys of those who may speak for it are parsed once. */
export async function makeExaminer({
  documents,
  name,
  authorities,
  nowMs,
}: Examining): Promise<(what: Attached) => Promise<Opened>> {
  const signers = await parseAuthorities(authorities);
  const [manifest] = documents;
  if (manifest === undefined) throw new Error('an image without a manifest');
  const subject = { kind: 'manifest', digest: manifest.digest, size: manifest.bytes.byteLength } as const;
  const evidence = { subject, documents, signatures: [], problems: [] };
  const asking: Asking = { evidence, now: new Date(nowMs) };
  const digests = documents.map(({ digest }) => digest);
  return async (what) => examine(what, { signers, asking, name, digests });
}

interface Examination {
  readonly signers: Signers;
  readonly asking: Asking;
  readonly name: ImageName;
  /** What a statement has to be about. */
  readonly digests: readonly Digest[];
}

async function examine(what: Attached, examination: Examination): Promise<Opened> {
  const { kind, bytes, problem } = what;
  if (bytes === undefined) return unsigned(what, problem ?? UNSIGNED);
  switch (kind) {
    case 'statement':
      return claimedBy(what, await read(bytes, 'none'), { reason: UNSIGNED, digests: examination.digests });
    case 'components':
    case 'other':
      return unsigned(what, UNSIGNED);
    case 'bundle':
    case 'cosign-attestation':
      return examineAttestation({ ...what, kind, bytes }, examination);
    case 'simple-signing':
    case 'cosign':
    case 'detached':
      return askSigned({ ...what, kind, bytes }, examination);
  }
}

/** Nobody says so but whoever put it there. */
const UNSIGNED = 'nobody has signed it';

async function examineAttestation(what: Attached & FoundSignature, examination: Examination): Promise<Opened> {
  const { signers, asking } = examination;
  const answer = await askAttestation(what, signers, asking);
  if (answer.verdict.outcome === 'good') return signedBy(what, answer);
  const claimed = await read(what.bytes, what.kind === 'bundle' ? 'bundle' : 'envelope');
  // A bundle without a statement signs the bytes of the image.
  if (answer.verdict.code === 'wrong-type' && what.kind === 'bundle' && claimed.outcome === 'unreadable')
    return askSigned(what, examination);
  const { reason, signer } = answer.verdict;
  return { ...claimedBy(what, claimed, { reason, digests: examination.digests }), signer };
}

/** A signature counts for the name that it is about, as it does when somebody decides. */
async function askSigned(what: Attached & FoundSignature, { signers, asking, name }: Examination): Promise<Opened> {
  const [answer] = await askSignatures([what], signers, asking);
  if (answer === undefined) throw new Error('a signature was asked about, and there is no answer');
  const signed = signedBy(what, answer);
  if (answer.verdict.outcome === 'bad') return signed;
  const { reference } = answer.verdict.claims;
  const problem = nameProblem({ type: 'prefix' }, name, { kind: what.kind, reference });
  return problem === undefined ? signed : { ...signed, verified: false, reason: problem };
}

async function read(bytes: Uint8Array, wrapping: 'bundle' | 'envelope' | 'none') {
  const { readClaimed } = await import('@rkt/signatures');
  return readClaimed(bytes, wrapping);
}

function unsigned(what: Attached, reason: string): Opened {
  return {
    what,
    predicateType: undefined,
    subjects: [],
    verified: false,
    reason,
    signer: undefined,
    rule: undefined,
    signedAt: undefined,
    holds: what.kind === 'components' ? 'components' : undefined,
    predicate: undefined,
  };
}

/** What is not verified, with what it says of itself. */
function claimedBy(
  what: Attached,
  claimed: Claimed | { readonly outcome: 'unreadable'; readonly reason: string },
  { reason, digests }: { readonly reason: string; readonly digests: readonly Digest[] },
): Opened {
  if (claimed.outcome === 'unreadable') return unsigned(what, claimed.reason);
  const { predicateType, predicate, subjects } = claimed;
  const isAbout = subjects.some((subject) => digests.includes(subject));
  const why = isAbout || reason !== UNSIGNED ? reason : `${reason}, and it is about something else`;
  // What is about something else says nothing about this image, whatever it is.
  const holds = isAbout ? holdsOf(predicateType) : undefined;
  return { ...unsigned(what, why), predicateType, subjects, predicate, holds };
}

function signedBy(what: Attached, { verdict, source }: Answer): Opened {
  if (verdict.outcome === 'bad') return { ...unsigned(what, verdict.reason), signer: verdict.signer };
  const { signer, signedAt, claims } = verdict;
  const { predicateType, predicate } = claims;
  return {
    ...unsigned(what, ''),
    predicateType,
    predicate,
    subjects: subjectsIn(verdict),
    verified: true,
    reason: undefined,
    signer,
    rule: source,
    signedAt,
    holds: predicateType === undefined ? undefined : holdsOf(predicateType),
  };
}

function subjectsIn({ claims }: Verdict & { readonly outcome: 'good' }): Digest[] {
  const { digest } = claims;
  return digest !== undefined && isDigest(digest) ? [digest] : [];
}

function holdsOf(predicateType: string): Examined['holds'] {
  if (readProvenance(predicateType, undefined) !== undefined) return 'provenance';
  return componentsFormatOf(predicateType) === undefined ? undefined : 'components';
}
