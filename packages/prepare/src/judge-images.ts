// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { parseVerification, type Verification } from '@rkt/formats';
import { printable } from '@rkt/names';
import { askNobody } from '@rkt/nobody';
import { gatherEvidence, isOwnStore, printQuestions, readPolicy, type Question } from '@rkt/policy';
import { type FoundImage } from './images.ts';
import { aboutImage, type Run } from './policy.ts';

const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

/** What the largest attestation takes when it is parsed, and as much again. */
const HEAP_MIB = 512;

/**
 * Asks for a decision about each image: what is wanted and what speaks for it is read here, as root, strictly; keys and signatures
 * are parsed by a process without rights, as everything is that strangers made.
 */
export async function judgeImages(dir: string, images: readonly FoundImage[], run: Run): Promise<Verification[]> {
  const policy = readPolicy(run);
  const questions = images.map((image): Question => {
    const about = aboutImage(image);
    return {
      ...about,
      nameIsOurs: isOwnStore(image.store.dir),
      evidence: gatherEvidence(image.store, { digest: image.manifest.digest, index: image.index }),
      rules: policy.rulesFor(about.name),
      verifier: run.verifier,
      nowMs: run.nowMs,
    };
  });
  const answer = askNobody(dir, {
    program: 'decide-images.js',
    what: 'reads signatures that strangers made',
    cannot: 'cannot verify signatures',
    question: printQuestions(questions),
    answerBytesMax: ANSWER_BYTES_MAX,
    heapMiB: HEAP_MIB,
  });
  const { decisions } = parseVerification(answer.toString(), 'the decision');
  for (const [index, question] of questions.entries()) {
    const decision = decisions[index];
    // Whoever answers has parsed what strangers wrote: it answers what it was asked, or nothing.
    if (decision?.id === question.id && decision.policy?.sha256 === question.rules.sha256) continue;
    throw new Failure(EXIT.bug, `cannot use image "${printable(question.image)}": nobody has decided about it`);
  }
  return decisions;
}
