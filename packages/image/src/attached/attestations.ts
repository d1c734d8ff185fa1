// SPDX-License-Identifier: Apache-2.0
import type { Context, Given } from '@rkt/command';
import { EXIT } from '@rkt/exit';
import { layOut, printJson, printSize } from '@rkt/human';
import type { attestationsOptions } from '../options.ts';
import { askAttached, type AttachedThing } from './ask.ts';
import { signedByText } from './words.ts';

const SHORT_LENGTH = 'sha256:'.length + 12;

/** Prints a line for each thing that is attached to an image. */
export async function listAttestations(
  given: Given<typeof attestationsOptions>,
  operands: readonly string[],
  context: Context,
): Promise<number> {
  const { text, things } = await askAttached(given, operands, { context, wish: { kind: 'nothing' } });
  if (given.format !== undefined) {
    context.print(printJson(things.map(objectOf), given.format === 'json' ? 'json' : 'json-pretty'));
    return EXIT.ok;
  }
  if (things.length === 0) context.note(`nothing is attached to image "${text}" in the store`);
  for (const line of layOut(things.map((thing) => rowOf(thing, given.full)))) context.print(line);
  return EXIT.ok;
}

function rowOf(thing: AttachedThing, full: boolean): string[] {
  const { what, finding } = thing;
  const short = (digest: string) => (full ? digest : digest.slice(0, SHORT_LENGTH));
  const [subject = '-', ...more] = finding.subjects.length > 0 ? finding.subjects : subjectsOf(thing);
  const others = finding.subjectCount - 1;
  return [
    typeOf(thing),
    more.length > 0 || others > 0 ? `${short(subject)} and ${others} more` : short(subject),
    full ? String(what.size) : printSize(what.size),
    short(what.blob),
    signedByText(thing),
  ];
}

/** What a signature or document is about is what it is attached to; a statement says it itself, or nothing that can be read. */
function subjectsOf({ what }: AttachedThing): readonly string[] {
  return what.kind === 'statement' || what.kind === 'cosign-attestation' ? [] : [what.subject];
}

function typeOf({ what, finding }: AttachedThing): string {
  if (finding.predicateType !== undefined) return finding.predicateType;
  // A layer that is called nothing in particular is what its artifact says.
  return what.kind === 'components' || what.kind === 'other' ? what.artifactType : what.mediaType;
}

function objectOf({ what, finding }: AttachedThing): object {
  const { predicateType, subjects, subjectCount, ...more } = finding;
  const { mediaType, artifactType, blob, size, subject } = what;
  return {
    digest: blob,
    size,
    mediaType,
    artifactType,
    attachedTo: subject,
    predicateType,
    subjects,
    subjectCount,
    ...more,
  };
}
