// SPDX-License-Identifier: Apache-2.0
// Reads the layer on standard input and writes its tree stream to standard output: rkt-prepare runs it as nobody.
// read-layer MEDIA-TYPE [DIFFID]; without a diffID the layer is an ACI, and what it must turn out to be stands before it.
import { stdin, stdout } from 'node:process';
import { EXIT, Failure } from '@rkt/exit';
import { takeAciExpectation, unpackLayer, type UnpackResult } from '@rkt/layers';

async function main([mediaType = '', diffId]: readonly string[]): Promise<void> {
  process.exitCode = EXIT.bug;
  try {
    const { warnings } =
      diffId === undefined
        ? await unpackAci(mediaType)
        : await unpackLayer(stdin, stdout, { mediaType, expected: { diffId } });
    for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
    process.exitCode = EXIT.ok;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof Failure ? error.status : EXIT.bug;
    stdout.destroy();
    stdin.destroy();
  }
}

async function unpackAci(mediaType: string): Promise<UnpackResult> {
  // Few layers are ACIs.
  const { parseJson } = await import('@rkt/formats');
  const { aci, rest } = await takeAciExpectation(stdin, (bytes) =>
    parseJson(bytes, { what: 'what is expected', limitBytes: bytes.length }),
  );
  return unpackLayer(rest, stdout, { mediaType, aci });
}

void main(process.argv.slice(2));
