// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { type Verification } from '@rkt/formats';
import { type Digest } from '@rkt/names';
import { type Evidence } from './evidence.ts';
import { type ImageName } from './image-name.ts';
import { type Rules } from './requirement.ts';
import { pack, unpack } from './wire.ts';

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

/** Questions for another process of ours. */
export function printQuestions(questions: readonly Question[]): Buffer {
  return pack({ questions }, 'the signatures of the images');
}

/** Reads questions that `printQuestions` printed. */
export function parseQuestions(packed: Buffer): readonly Question[] {
  const data = unpack(packed, 'questions');
  if (isQuestions(data)) return data.questions;
  throw new Failure(EXIT.dataRefused, 'cannot read questions: not what rkt prints');
}

// Only rkt-prepare writes this, for a process that it starts itself: its kind is checked here, its details where it was made.
function isQuestions(data: unknown): data is { readonly questions: readonly Question[] } {
  return typeof data === 'object' && data !== null && 'questions' in data && Array.isArray(data.questions);
}
