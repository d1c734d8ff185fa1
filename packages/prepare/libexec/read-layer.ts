// SPDX-License-Identifier: Apache-2.0
// Reads the layer on standard input and writes its tree stream to standard output: rkt-prepare runs it as nobody.
import { stdin, stdout } from 'node:process';
import { EXIT, Failure } from '@rkt/exit';
import { unpackLayer } from '@rkt/layers';

async function main([mediaType = '', diffId = '']: readonly string[]): Promise<void> {
  process.exitCode = EXIT.bug;
  try {
    const { warnings } = await unpackLayer(stdin, stdout, { mediaType, expected: { diffId } });
    for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
    process.exitCode = EXIT.ok;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof Failure ? error.status : EXIT.bug;
    stdout.destroy();
    stdin.destroy();
  }
}

void main(process.argv.slice(2));
