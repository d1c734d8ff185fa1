// SPDX-License-Identifier: Apache-2.0
// Answers the question on standard input, what is attached to an image, on standard output: rkt-image runs it as nobody.
import { stdin, stdout } from 'node:process';
import { EXIT, Failure } from '@rkt/exit';
import { answerQuestion } from '../src/attached/answer.ts';

async function main(): Promise<void> {
  process.exitCode = EXIT.bug;
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
    stdout.write(await answerQuestion(Buffer.concat(chunks)));
    process.exitCode = EXIT.ok;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof Failure ? error.status : EXIT.bug;
  }
}

void main();
