// SPDX-License-Identifier: Apache-2.0
import type { Context, Given } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { layOut } from '@rkt/human';
import type { provenanceOptions } from '../options.ts';
import { askAttached, type AttachedThing } from './ask.ts';
import type { OpenedThing } from './protocol.ts';
import { harmless } from './harmless.ts';
import { signedByText } from './words.ts';

/** Prints how an image was built, and who says so. */
export async function showProvenance(
  given: Given<typeof provenanceOptions>,
  operands: readonly string[],
  context: Context,
): Promise<number> {
  const { digest, format } = given;
  const wish = { kind: 'provenance', digest, indent: format === 'json-pretty' } as const;
  const { text, opened } = await askAttached(given, operands, { context, wish });
  if (opened?.provenance === undefined || opened.document === undefined) {
    throw new Failure(
      EXIT.notFound,
      `cannot show provenance of image "${text}": the store has none about it${hint(digest)}`,
    );
  }
  if (!opened.finding.verified) {
    context.note(
      `what this says of image "${text}" proves nothing: whoever made or passed on the image may have written it`,
    );
  }
  if (opened.others > 0) context.note(`${opened.others} more can be shown: try rkt image attestations, and --digest`);
  if (format !== undefined) context.print(harmless(Buffer.from(opened.document).toString()));
  else for (const line of layOut(rowsOf(opened, opened.provenance))) context.print(line);
  return EXIT.ok;
}

function hint(digest: string | undefined): string {
  return digest === undefined
    ? ': fetch it again, or ask whoever builds it'
    : ' of this digest: try rkt image attestations';
}

function rowsOf(thing: AttachedThing, provenance: NonNullable<OpenedThing['provenance']>): string[][] {
  const { builderId, buildType, sources, revision, startedOn, materials } = provenance;
  const row = (name: string, value: string | undefined) => (value === undefined ? [] : [[name, value]]);
  return [
    ['signed by', signedByText(thing)],
    ...row('type', thing.finding.predicateType),
    ...row('builder', builderId ?? 'not said'),
    ...row('build type', buildType),
    ...sources.flatMap((source) => row('source', source)),
    ...row('revision', revision),
    ...row('started', startedOn),
    ...materials.map(({ uri, digest }) => ['material', uri, digest ?? '-']),
  ];
}
