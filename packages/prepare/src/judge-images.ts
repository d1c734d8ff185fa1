// SPDX-License-Identifier: Apache-2.0
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, Failure, type ExitStatus } from '@rkt/exit';
import { libraryFile, removeTree, writeNew } from '@rkt/files';
import { parseVerification, type Verification } from '@rkt/formats';
import { printable } from '@rkt/names';
import { printPlan } from '@rkt/plan';
import { gatherEvidence, isOwnStore, printQuestions, readPolicy, type Question } from '@rkt/policy';
import { makePhases } from '@rkt/pods';
import { type FoundImage } from './images.ts';
import { aboutImage, escaped, type Run } from './policy.ts';
import { readerPlan } from './unpack-plans.ts';

const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
const TIME_MAX_MS = 120_000;

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
  const decisions = ask(dir, questions);
  for (const [index, question] of questions.entries()) {
    const decision = decisions[index];
    // Whoever answers has parsed what strangers wrote: it answers what it was asked, or nothing.
    if (decision?.id === question.id && decision.policy?.sha256 === question.rules.sha256) continue;
    throw new Failure(EXIT.bug, `cannot use image "${printable(question.image)}": nobody has decided about it`);
  }
  return decisions;
}

function ask(dir: string, questions: readonly Question[]): Verification[] {
  const program = [
    process.execPath,
    '--max-old-space-size=512',
    libraryFile('start.js'),
    libraryFile('decide-images.js'),
  ];
  const { status, stdout, stderr, error } =
    process.geteuid?.() === 0 ? runAsNobody(dir, program, questions) : start(program, questions);
  if (status === EXIT.ok) return parseVerification(stdout, 'the decision').decisions;
  const why = error?.message ?? (stderr.trim().split('\n').at(-1) || `it ended with status ${String(status)}`);
  const message = status === EXIT.configuration ? why : `cannot verify signatures: ${why}`;
  throw new Failure(statusOf(status), escaped(message));
}

function start([file = '', ...args]: readonly string[], questions: readonly Question[]): SpawnSyncReturns<string> {
  return spawnSync(file, args, {
    input: printQuestions(questions),
    encoding: 'utf8',
    maxBuffer: ANSWER_BYTES_MAX,
    timeout: TIME_MAX_MS,
    killSignal: 'SIGKILL',
  });
}

/** An ordinary user has no rights to give up; root has them all. */
function runAsNobody(
  dir: string,
  program: readonly string[],
  questions: readonly Question[],
): SpawnSyncReturns<string> {
  makePhases(dir);
  // A place that rkt-gc cleans up if we are killed.
  const scratch = join(dir, 'pods', 'embryo', randomUUID());
  mkdirSync(scratch, { mode: 0o700 });
  try {
    const plan = join(scratch, 'decide.plan');
    writeNew(plan, printPlan(readerPlan(program, 'reads signatures that strangers made')), 0o600);
    return start([libraryFile('stage1'), plan], questions);
  } finally {
    removeTree(scratch);
  }
}

function statusOf(status: number | null): ExitStatus {
  return status === EXIT.configuration || status === EXIT.dataRefused ? status : EXIT.system;
}
