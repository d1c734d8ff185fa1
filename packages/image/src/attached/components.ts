// SPDX-License-Identifier: Apache-2.0
import { isatty } from 'node:tty';
import type { Context, Given } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { layOut } from '@rkt/human';
import type { sbomOptions } from '../options.ts';
import { askAttached } from './ask.ts';
import { harmless } from './harmless.ts';

const STANDARD_OUTPUT = 1;

/** Prints the list of the components of an image: the document, or a line for each package. */
export async function printComponents(
  given: Given<typeof sbomOptions>,
  operands: readonly string[],
  context: Context,
): Promise<number> {
  const { digest, packages } = given;
  const wish = { kind: 'components', digest, packages } as const;
  const { text, opened } = await askAttached(given, operands, { context, wish });
  if (opened === undefined) {
    const how = digest === undefined ? ': try rkt fetch --sbom' : ' of this digest: try rkt image attestations';
    throw new Failure(
      EXIT.notFound,
      `cannot show the components of image "${text}": the store has no list of them${how}`,
    );
  }
  const { document, others, what, finding } = opened;
  if (packages && opened.packages !== undefined) {
    for (const line of layOut(opened.packages.map((row) => [...row]))) context.print(line);
  } else if (document === undefined) {
    throw new Failure(
      EXIT.dataRefused,
      `cannot read "${what.blob}": ${what.problem ?? finding.reason ?? 'nothing is in it'}`,
    );
  } else if (isatty(STANDARD_OUTPUT)) {
    context.print(harmless(Buffer.from(document).toString()));
  } else {
    context.printBytes(document);
  }
  if (!finding.verified) context.note(`this list of image "${text}" is not verified: ${finding.reason ?? ''}`);
  if (others > 0) context.note(`${others} more can be shown: try rkt image attestations, and --digest`);
  return EXIT.ok;
}
