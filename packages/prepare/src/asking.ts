// SPDX-License-Identifier: Apache-2.0
// What rkt-prepare and the process that decides about images say to each other: questions behind their length, then the bytes of
// the ACIs that have to be read, in the order of the questions.
import { EXIT, Failure } from '@rkt/exit';
import { type Verification } from '@rkt/formats';
import { type sourceOf } from '@rkt/layers';
import { judge, parseQuestions, printQuestions, readsContent, type Question } from '@rkt/policy';

type Source = ReturnType<typeof sourceOf>;

const DIGITS = 12;
const PIECE_BYTES = 64 * 1024;

/** The questions as they go before the ACIs. */
export function printAsking(questions: readonly Question[]): Buffer {
  const text = Buffer.from(printQuestions(questions));
  return Buffer.concat([Buffer.from(`${String(text.byteLength).padStart(DIGITS, '0')}\n`), text]);
}

/** Answers the questions that come in. */
export async function answerAll(input: Source): Promise<Verification[]> {
  const decisions: Verification[] = [];
  for (const question of parseQuestions(await takeQuestions(input))) {
    const { size } = question.evidence.subject;
    const end = input.position() + (readsContent(question) ? size : 0);
    decisions.push(await judge(question, () => takePieces(input, size)));
    // Where it was not read to its end, the next one begins behind that.
    await input.copy(end - input.position(), () => undefined);
  }
  return decisions;
}

async function takeQuestions(input: Source): Promise<Buffer> {
  const head = (await input.take(DIGITS + 1)).toString('latin1');
  const text = /^\d+\n$/.test(head) ? await input.take(Number(head)) : undefined;
  if (text?.byteLength === Number(head)) return text;
  throw new Failure(EXIT.dataRefused, 'cannot read questions: they are cut short');
}

/** The bytes of one ACI; fewer only if what comes in ends. */
async function* takePieces(input: Source, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let left = sizeBytes; left > 0;) {
    const piece = await input.take(Math.min(left, PIECE_BYTES));
    if (piece.byteLength === 0) return;
    left -= piece.byteLength;
    yield piece;
  }
}
