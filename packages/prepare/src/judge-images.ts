// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Writable } from 'node:stream';
import { EXIT, Failure, type ExitStatus } from '@rkt/exit';
import { libraryFile, removeTree, writeNew } from '@rkt/files';
import { parseVerification, type Verification } from '@rkt/formats';
import { printable, printableText } from '@rkt/names';
import { printPlan } from '@rkt/plan';
import { isOwnStore, readPolicy, readsContent, type Question } from '@rkt/policy';
import { makePhases } from '@rkt/pods';
import { naming, type Store } from '@rkt/store';
import { printAsking } from './asking.ts';
import { collect, ended, feedBlob, type Ended } from './child.ts';
import { type Run } from './policy.ts';
import { readerPlan } from './unpack-plans.ts';
import { type Vouched } from './vouched.ts';

const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
const TIME_MAX_MS = 120_000;

/** How long the process may take for the bytes of ACIs besides: they are hashed several times, and come from some disk. */
const BYTES_PER_MS = 5000;

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

async function ask(dir: string, asked: readonly Asked[]): Promise<Verification[]> {
  const program = [
    process.execPath,
    '--max-old-space-size=512',
    libraryFile('start.js'),
    libraryFile('decide-images.js'),
  ];
  const { status, lines, answer } =
    process.geteuid?.() === 0 ? await runAsNobody(dir, program, asked) : await runProgram(program, asked);
  if (status === EXIT.ok) return parseVerification(answer, 'the decision').decisions;
  const why = lines.at(-1) ?? `it ended with status ${String(status)}`;
  const message = status === EXIT.configuration ? why : `cannot verify signatures: ${why}`;
  throw new Failure(statusOf(status), printableText(message));
}

interface Answered extends Ended {
  /** What it printed. */
  readonly answer: string;
}

/** Runs the process: its input is the questions, and behind them the ACIs that it has to read, in the order of the questions. */
async function runProgram([file = '', ...args]: readonly string[], asked: readonly Asked[]): Promise<Answered> {
  const acis = asked.filter(({ question }) => readsContent(question));
  const bytes = acis.reduce((sum, { question }) => sum + question.evidence.subject.size, 0);
  const questions = printAsking(asked.map(({ question }) => question));
  const timeout = TIME_MAX_MS + Math.ceil(bytes / BYTES_PER_MS);
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout, killSignal: 'SIGKILL' });
  const ends = Promise.all([ended(child), collect(child.stdout, ANSWER_BYTES_MAX)]);
  try {
    await feed(child.stdin, questions, acis);
  } catch (error) {
    // It waits for the rest, and this process for it. It is somebody else, whom this one may not kill.
    child.stdin.destroy();
    await ends;
    throw error;
  }
  const [end, answer] = await ends;
  return { ...end, answer: Buffer.from(answer, 'latin1').toString() };
}

async function feed(to: Writable, questions: Uint8Array, acis: readonly Asked[]): Promise<void> {
  // Whatever keeps the process from reading, it says itself.
  to.on('error', () => undefined);
  to.write(questions);
  for (const { question, store } of acis) {
    if (to.destroyed) break;
    const { subject } = question.evidence;
    await feedBlob({ fd: naming(question.image, () => store.openBlob(subject)), size: subject.size }, to);
  }
  to.end();
}

/** An ordinary user has no rights to give up; root has them all. */
async function runAsNobody(dir: string, program: readonly string[], asked: readonly Asked[]): Promise<Answered> {
  makePhases(dir);
  // A place that rkt-gc cleans up if we are killed.
  const scratch = join(dir, 'pods', 'embryo', randomUUID());
  mkdirSync(scratch, { mode: 0o700 });
  try {
    const plan = join(scratch, 'decide.plan');
    writeNew(plan, printPlan(readerPlan(program, 'reads signatures that strangers made')), 0o600);
    return await runProgram([libraryFile('stage1'), plan], asked);
  } finally {
    removeTree(scratch);
  }
}

function statusOf(status: number | null): ExitStatus {
  return status === EXIT.configuration || status === EXIT.dataRefused ? status : EXIT.system;
}
