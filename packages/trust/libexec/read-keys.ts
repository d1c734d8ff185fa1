// SPDX-License-Identifier: Apache-2.0
// Reads files of keys, from standard input or the network, and describes them on standard output: rkt-trust runs it as nobody.
import { stdin, stdout } from 'node:process';
import { describeSources } from '../src/describe.ts';

async function main(): Promise<void> {
  process.exitCode = 70;
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  stdout.write(await describeSources(Buffer.concat(chunks)));
  process.exitCode = 0;
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
});
