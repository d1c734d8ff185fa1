// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { parseJson, type Verification } from '@rkt/formats';
import { type Digest } from '@rkt/names';
import { type Evidence } from './evidence.ts';
import { type ImageName } from './image-name.ts';
import { type Rules } from './requirement.ts';

/** Who decides. */
export type Verifier = Verification['verifier'];

/** An image, what speaks for it, and what is wanted. Data only, so that another process can answer. */
export interface Question {
  /** The reference by which the image was asked for. */
  readonly image: string;
  readonly id: Digest;
  readonly name: ImageName;
  /** The store that says that the image has this name belongs to root, or to the user who asks. */
  readonly nameIsOurs: boolean;
  readonly evidence: Evidence;
  readonly rules: Rules;
  readonly verifier: Verifier;
  /** The one reading of the clock, in milliseconds. */
  readonly nowMs: number;
}

/** The most that the questions about the images of one pod may be together. */
const QUESTIONS_BYTES_MAX = 256 * 1024 * 1024;

/** Questions as text, for another process of ours. */
export function printQuestions(questions: readonly Question[]): string {
  const text = JSON.stringify({ questions }, function (this: Readonly<Record<string, unknown>>, key, value: unknown) {
    const raw = this[key];
    return raw instanceof Uint8Array ? { [BYTES]: Buffer.from(raw).toString('base64') } : value;
  });
  if (text.length <= QUESTIONS_BYTES_MAX) return text;
  throw new Failure(
    EXIT.dataRefused,
    `cannot verify images: their signatures have more than ${QUESTIONS_BYTES_MAX} bytes`,
  );
}

const BYTES = 'base64 bytes';

/** Reads questions that `printQuestions` printed. */
export function parseQuestions(text: Uint8Array): readonly Question[] {
  const data = revive(parseJson(text, { what: 'questions', limitBytes: QUESTIONS_BYTES_MAX }));
  if (isQuestions(data)) return data.questions;
  throw new Failure(EXIT.dataRefused, 'cannot read questions: not what rkt prints');
}

// Only rkt-prepare writes this, for a process that it starts itself: its kind is checked here, its details where it was made.
function isQuestions(data: unknown): data is { readonly questions: readonly Question[] } {
  return typeof data === 'object' && data !== null && 'questions' in data && Array.isArray(data.questions);
}

function revive(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revive);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const [first] = entries;
  if (entries.length === 1 && first?.[0] === BYTES && typeof first[1] === 'string')
    return Buffer.from(first[1], 'base64');
  return Object.fromEntries(entries.map(([key, inner]) => [key, revive(inner)]));
}
