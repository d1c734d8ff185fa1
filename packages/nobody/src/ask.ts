// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, Failure, type ExitStatus } from '@rkt/exit';
import { libraryFile, removeTree, runBounded, writeNew } from '@rkt/files';
import { printable } from '@rkt/names';
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
  readonly answerBytesMax: number;
  /** What V8 may use for objects and strings. */
  readonly heapMiB: number;
}

const TIME_MAX_MS = 120_000;

/**
 * Has one of our programs answer a question: under root as nobody, without network and capabilities; an ordinary user has no
 * rights to give up. Whoever reads the answer remembers that it comes from a process that parsed what strangers wrote.
 */
export function askNobody(dir: string, asked: Asked): Buffer {
  const { program, cannot, heapMiB } = asked;
  const words = [process.execPath, `--max-old-space-size=${heapMiB}`, libraryFile('start.js'), libraryFile(program)];
  const { status, stdout, stderr, error } =
    process.geteuid?.() === 0 ? runAsNobody(dir, words, asked) : start(words, asked);
  if (status === EXIT.ok && error === undefined) return stdout;
  const said = stderr?.toString().trim().split('\n').at(-1) ?? '';
  const why = error?.message ?? (said || `it ended with status ${String(status)}`);
  throw new Failure(statusOf(status), escaped(status === EXIT.configuration ? why : `${cannot}: ${why}`));
}

function start(words: readonly string[], { question, answerBytesMax }: Asked): ReturnType<typeof runBounded> {
  return runBounded(words, { input: question, outputBytesMax: answerBytesMax, timeMaxMs: TIME_MAX_MS });
}

function runAsNobody(dir: string, words: readonly string[], asked: Asked): ReturnType<typeof runBounded> {
  makePhases(dir);
  // A place that rkt-gc cleans up if we are killed.
  const scratch = join(dir, 'pods', 'embryo', randomUUID());
  mkdirSync(scratch, { mode: 0o700 });
  try {
    const plan = join(scratch, 'ask.plan');
    writeNew(plan, printPlan(readerPlan(words, asked.what)), 0o600);
    return start([libraryFile('stage1'), plan], asked);
  } finally {
    removeTree(scratch);
  }
}

function statusOf(status: number | null): ExitStatus {
  return status === EXIT.configuration || status === EXIT.dataRefused ? status : EXIT.system;
}

const MESSAGE_LENGTH_MAX = 4000;

/** A text of a process that parses what strangers wrote, for a message: longer than names are, and escaped as they are. */
export function escaped(text: string): string {
  const pieces = text.slice(0, MESSAGE_LENGTH_MAX).match(/[^]{1,100}/gu) ?? [];
  return pieces.map(printable).join('');
}
