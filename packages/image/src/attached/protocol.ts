// SPDX-License-Identifier: Apache-2.0
// What rkt-image and the process that reads attestations for it say to each other.
import * as v from 'valibot';
import { EXIT, Failure } from '@rkt/exit';
import { isDigest, printable, type Digest } from '@rkt/names';
import { unpack, type AllAttached, type Authority, type ImageName } from '@rkt/policy';

/** What is asked for besides what everything is: nothing, or one thing that is opened. */
export type Wish =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'provenance'; readonly digest?: string | undefined; readonly indent: boolean }
  | { readonly kind: 'components'; readonly digest?: string | undefined; readonly packages: boolean };

/** What is attached to an image, and who may speak for the image. */
export interface AttachedQuestion {
  readonly all: AllAttached;
  /** The name of the image. */
  readonly name: ImageName;
  readonly authorities: readonly Authority[];
  readonly nowMs: number;
  readonly wish: Wish;
}

/** The longest text of a stranger that is passed on; whoever prints it cuts it again. */
export const TEXT_LENGTH_MAX = 2048;

const text = () => v.pipe(v.string(), v.maxLength(TEXT_LENGTH_MAX));
const digest = () => v.custom<Digest>((value) => typeof value === 'string' && isDigest(value), 'wanted a digest');

const signer = () =>
  v.variant('kind', [
    v.strictObject({
      kind: v.literal('pgp'),
      fingerprint: v.optional(text()),
      keyId: text(),
      userIds: v.array(text()),
    }),
    v.strictObject({ kind: v.literal('key'), fingerprint: text() }),
    v.strictObject({ kind: v.literal('identity'), issuer: text(), san: text() }),
  ]);

const finding = () =>
  v.strictObject({
    predicateType: v.optional(text()),
    /** The first of what it is about. */
    subjects: v.array(digest()),
    subjectCount: v.number(),
    verified: v.boolean(),
    reason: v.optional(text()),
    signer: v.optional(signer()),
    rule: v.optional(text()),
    signedAt: v.optional(v.pipe(v.string(), v.isoTimestamp())),
    timeSource: v.optional(v.picklist(['claimed', 'log', 'tsa'])),
  });

const provenance = () =>
  v.strictObject({
    builderId: v.optional(text()),
    buildType: v.optional(text()),
    sources: v.array(text()),
    revision: v.optional(text()),
    startedOn: v.optional(text()),
    materials: v.array(v.strictObject({ uri: text(), digest: v.optional(text()) })),
  });

const opened = () =>
  v.strictObject({
    /** Which of the findings it is, and how many others would have done. */
    index: v.number(),
    others: v.number(),
    provenance: v.optional(provenance()),
    /** Name, version and address of each. */
    packages: v.optional(v.array(v.tuple([text(), text(), text()]))),
    /** The predicate or document. */
    document: v.optional(v.custom<Uint8Array>((value) => value instanceof Uint8Array, 'wanted bytes')),
  });

const answer = () =>
  v.strictObject({
    /** One for each thing that is attached, in its order. */
    findings: v.array(finding()),
    opened: v.optional(opened()),
    /** Why what was asked for cannot be opened. */
    problem: v.optional(text()),
  });

/** What was found out about one thing. */
export type Finding = v.InferOutput<ReturnType<typeof finding>>;

/** The one thing that was asked for. */
export type OpenedThing = v.InferOutput<ReturnType<typeof opened>>;

/** All that was found out. */
export type AttachedAnswer = v.InferOutput<ReturnType<typeof answer>>;

/** Reads the question of rkt-image. */
export function parseAttachedQuestion(packed: Buffer): AttachedQuestion {
  const data = unpack(packed, 'the question');
  if (isQuestion(data)) return data;
  throw new Failure(EXIT.dataRefused, 'cannot read the question: not what rkt prints');
}

// rkt-image writes this for a process that it starts itself: its kind is checked here, its details where it was made.
function isQuestion(data: unknown): data is AttachedQuestion {
  return typeof data === 'object' && data !== null && 'all' in data && 'name' in data && 'wish' in data;
}

/** Reads the answer of the process that parsed what strangers wrote: it is about as many things as were asked about. */
export function parseAttachedAnswer(packed: Buffer, count: number): AttachedAnswer {
  const result = v.safeParse(answer(), unpack(packed, 'what is attached'), { abortEarly: true });
  if (result.success && result.output.findings.length === count) return result.output;
  const why = result.success ? 'it is about something else' : printable(v.getDotPath(result.issues[0]) ?? 'no answer');
  throw new Failure(EXIT.bug, `cannot read what is attached: ${why}`);
}
