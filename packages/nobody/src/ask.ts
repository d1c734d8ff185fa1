// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { EXIT, Failure, type ExitStatus } from '@rkt/exit';
import { collect, ended, libraryFile, removeTree, startPiped, writeNew, type Ended, type Piped } from '@rkt/files';
import { printableText } from '@rkt/names';
import { printPlan } from '@rkt/plan';
import { makePhases } from '@rkt/pods';
import { readerPlan } from './plan.ts';

/** A question for one of our programs that parse what strangers made. */
export interface Asked {
  /** A bundle of ours that is not on PATH, such as `decide-images.js`; it reads the question from its standard input. */
  readonly program: string;
  /** What it does, for people who read its plan. */
  readonly what: string;
  /** What cannot be done without an answer, such as `cannot verify signatures`. */
  readonly cannot: string;
  readonly question: Uint8Array;
  /** What comes behind the question, and how many bytes that are. */
  readonly more?: { readonly bytes: number; readonly feed: (to: Writable) => Promise<void> };
  /** It may use the network, which most must not, and this is its environment; else it has none, or ours where it is not root's. */
  readonly network?: Readonly<Record<string, string>>;
  readonly answerBytesMax: number;
  /** How long it may take, two minutes if nothing is said; more bytes get more time besides. */
  readonly timeMaxMs?: number;
  /** What V8 may use for objects and strings. */
  readonly heapMiB: number;
}

interface Answered extends Ended {
  /** At most one byte more than is wanted. */
  readonly answer: Buffer;
  readonly isLate: boolean;
}

const TIME_MAX_MS = 120_000;

/** More time is for more bytes: they are hashed several times, and come from some disk. */
const BYTES_PER_MS = 5000;

/**
 * Has one of our programs answer a question: under root as nobody, without network and capabilities; an ordinary user has no
 * rights to give up. Whoever reads the answer remembers that it comes from a process that parsed what strangers wrote.
 */
export async function askNobody(dir: string, asked: Asked): Promise<Buffer> {
  // A place that rkt-gc cleans up if we are killed.
  return askNobodyAt(join(dir, 'pods', 'embryo', randomUUID()), asked, () => makePhases(dir));
}

/** The same for who has no directory of rkt's: `scratch` is a path that is free, where only root can make something. */
export async function askNobodyAt(scratch: string, asked: Asked, prepare?: () => void): Promise<Buffer> {
  const { program, cannot, heapMiB, answerBytesMax } = asked;
  const words = [process.execPath, `--max-old-space-size=${heapMiB}`, libraryFile('start.js'), libraryFile(program)];
  const { status, lines, answer, isLate } =
    process.geteuid?.() === 0
      ? await runAsNobody({ scratch, prepare }, words, asked)
      : await run(words, asked, asked.network);
  if (status === EXIT.ok && answer.byteLength <= answerBytesMax) return answer;
  const why = isLate
    ? 'it takes too long'
    : status === EXIT.ok
      ? `the answer has more than ${answerBytesMax} bytes`
      : (lines.at(-1) ?? `it ended with status ${String(status)}`);
  throw new Failure(statusOf(status), printableText(status === EXIT.configuration ? why : `${cannot}: ${why}`));
}

/** Runs the program and hands it the question; one that takes too long is left to its limits. */
async function run(words: readonly string[], asked: Asked, env?: Asked['network']): Promise<Answered> {
  const child = startPiped(words, env);
  const ends = Promise.all([ended(child), collect(child.stdout, asked.answerBytesMax + 1)]);
  // Who is late is not waited for, and what comes of it then is nobody's business.
  ends.catch(() => undefined);
  const timer = new AbortController();
  try {
    return await Promise.race([feedAndWait(child.stdin, ends, asked), lateness(child, timeFor(asked), timer.signal)]);
  } finally {
    timer.abort();
  }
}

async function feedAndWait(to: Writable, ends: Promise<[Ended, Buffer]>, { question, more }: Asked): Promise<Answered> {
  // Whatever keeps the process from reading, it says itself.
  to.on('error', () => undefined);
  to.write(question);
  try {
    await more?.feed(to);
  } catch (error) {
    // It waits for the rest, and this process for it.
    to.destroy();
    await ends;
    throw error;
  }
  to.end();
  const [end, answer] = await ends;
  return { ...end, answer, isLate: false };
}

/** Under root it is somebody else, whom this process may not kill: it ends for want of processor time, or with this one. */
async function lateness(child: Piped, timeMs: number, signal: AbortSignal): Promise<Answered> {
  await setTimeout(timeMs, undefined, { signal });
  if (process.geteuid?.() !== 0) child.kill('SIGKILL');
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
  child.unref();
  return { status: null, lines: [], answer: Buffer.alloc(0), isLate: true };
}

function timeFor({ more, timeMaxMs = TIME_MAX_MS }: Asked): number {
  return timeMaxMs + Math.ceil((more?.bytes ?? 0) / BYTES_PER_MS);
}

interface Place {
  readonly scratch: string;
  readonly prepare: (() => void) | undefined;
}

async function runAsNobody({ scratch, prepare }: Place, words: readonly string[], asked: Asked): Promise<Answered> {
  prepare?.();
  mkdirSync(scratch, { mode: 0o700 });
  try {
    const plan = join(scratch, 'ask.plan');
    writeNew(plan, printPlan(readerPlan(words, { ...asked, timeMs: timeFor(asked) })), 0o600);
    return await run([libraryFile('stage1'), plan], asked);
  } finally {
    removeTree(scratch);
  }
}

function statusOf(status: number | null): ExitStatus {
  return status === EXIT.configuration || status === EXIT.dataRefused ? status : EXIT.system;
}
