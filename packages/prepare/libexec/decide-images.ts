// SPDX-License-Identifier: Apache-2.0
// Answers the questions on standard input, whether images may be used, on standard output: rkt-prepare runs it as nobody.
import { stdin, stdout } from 'node:process';
import { EXIT, Failure } from '@rkt/exit';
import { printVerification, type Verification } from '@rkt/formats';
import { judge, parseQuestions } from '@rkt/policy';

async function main(): Promise<void> {
  // Whatever ends this process before its last line is no consent.
  process.exitCode = EXIT.bug;
  try {
    const decisions: Verification[] = [];
    for (const question of parseQuestions(await readAll())) decisions.push(await judge(question));
    stdout.write(printVerification(decisions));
    process.exitCode = EXIT.ok;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof Failure ? error.status : EXIT.bug;
  }
}

async function readAll(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

void main();
