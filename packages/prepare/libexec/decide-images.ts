// SPDX-License-Identifier: Apache-2.0
// Answers the questions on standard input, whether images may be used, on standard output: rkt-prepare runs it as nobody.
import { stdin, stdout } from 'node:process';
import { EXIT, Failure } from '@rkt/exit';
import { printVerification, type Verification } from '@rkt/formats';
import { sourceOf } from '@rkt/layers';
import { judge, parseQuestions, readsContent } from '@rkt/policy';
import { takePieces, takeQuestions } from '../src/asking.ts';

async function main(): Promise<void> {
  // Whatever ends this process before its last line is no consent.
  process.exitCode = EXIT.bug;
  try {
    const input = sourceOf(stdin);
    const decisions: Verification[] = [];
    for (const question of parseQuestions(await takeQuestions(input))) {
      const { size } = question.evidence.subject;
      const end = input.position() + (readsContent(question) ? size : 0);
      decisions.push(await judge(question, () => takePieces(input, size)));
      // Where it was not read to its end, the next one begins behind that.
      await input.copy(end - input.position(), () => undefined);
    }
    stdout.write(printVerification(decisions));
    process.exitCode = EXIT.ok;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof Failure ? error.status : EXIT.bug;
  }
}

void main();
