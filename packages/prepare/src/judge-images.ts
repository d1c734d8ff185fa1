// SPDX-License-Identifier: Apache-2.0
import { type Writable } from 'node:stream';
import { EXIT, Failure } from '@rkt/exit';
import { feedBlob } from '@rkt/files';
import { parseVerification, type Verification } from '@rkt/formats';
import { printable } from '@rkt/names';
import { askNobody } from '@rkt/nobody';
import { isOwnStore, readPolicy, readsContent, type Question } from '@rkt/policy';
import { naming, type Store } from '@rkt/store';
import { printAsking } from './asking.ts';
import { type Run } from './policy.ts';
import { type Vouched } from './vouched.ts';

const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

/** What the largest attestation takes when it is parsed, and as much again. */
const HEAP_MIB = 512;

/** An image in question, and where it is. */
interface Asked {
  readonly question: Question;
  readonly store: Store;
}

/**
 * Asks for a decision about each image: what is wanted and what speaks for it is read here, as root, strictly; keys and signatures
 * are parsed by a process without rights, as everything is that strangers made.
 */
export async function judgeImages(dir: string, images: readonly Vouched[], run: Run): Promise<Verification[]> {
  const policy = readPolicy(run);
  const asked = images.map(({ image, id, name, store, gather }): Asked => {
    const evidence = gather();
    const about = { image, id, name, nameIsOurs: isOwnStore(store.dir), evidence };
    return { question: { ...about, rules: policy.rulesFor(name), verifier: run.verifier, nowMs: run.nowMs }, store };
  });
  const decisions = await ask(dir, asked);
  return asked.map(({ question: { image, id, evidence, rules } }, index) => {
    const decision = decisions[index];
    // Whoever answers has parsed what strangers wrote: it answers what it was asked, or nothing.
    const isIt = decision?.id === id && decision.subject.digest === evidence.subject.digest;
    if (isIt && decision.policy?.sha256 === rules.sha256) return decision;
    throw new Failure(EXIT.bug, `cannot use image "${printable(image)}": nobody has decided about it`);
  });
}

/** Behind the questions come the ACIs that have to be read for them, in their order. */
async function ask(dir: string, asked: readonly Asked[]): Promise<readonly Verification[]> {
  const acis = asked.filter(({ question }) => readsContent(question));
  const answer = await askNobody(dir, {
    program: 'decide-images.js',
    what: 'reads signatures that strangers made',
    cannot: 'cannot verify signatures',
    question: printAsking(asked.map(({ question }) => question)),
    more: {
      bytes: acis.reduce((sum, { question }) => sum + question.evidence.subject.size, 0),
      feed: (to) => feedAcis(acis, to),
    },
    answerBytesMax: ANSWER_BYTES_MAX,
    heapMiB: HEAP_MIB,
  });
  return parseVerification(answer.toString(), 'the decision').decisions;
}

async function feedAcis(acis: readonly Asked[], to: Writable): Promise<void> {
  for (const { question, store } of acis) {
    if (to.destroyed) return;
    const { subject } = question.evidence;
    await feedBlob({ fd: naming(question.image, () => store.openBlob(subject)), size: subject.size }, to);
  }
}
