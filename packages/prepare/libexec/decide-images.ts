// SPDX-License-Identifier: Apache-2.0
// Answers the questions on standard input, whether images may be used, on standard output: rkt-prepare runs it as nobody.
import { stdin, stdout } from 'node:process';
import { EXIT, Failure } from '@rkt/exit';
import { printVerification } from '@rkt/formats';
import { sourceOf } from '@rkt/layers';
import { answerAll } from '../src/asking.ts';

async function main(): Promise<void> {
  // Whatever ends this process before its last line is no consent.
  process.exitCode = EXIT.bug;
  try {
    stdout.write(printVerification(await answerAll(sourceOf(stdin))));
    process.exitCode = EXIT.ok;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof Failure ? error.status : EXIT.bug;
  }
}

void main();
