// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import type { Context } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { parseReference, printable } from '@rkt/names';
import { askNobody } from '@rkt/nobody';
import {
  gatherAttached,
  imageNameOf,
  pack,
  readPolicy,
  type Attached,
  type Authority,
  type ImageName,
} from '@rkt/policy';
import { indexOf } from '@rkt/store';
import { findImage, isAci, oneImage, requireStore } from '../images.ts';
import { parseAttachedAnswer, type AttachedQuestion, type Finding, type OpenedThing, type Wish } from './protocol.ts';

/** Where it stands who may speak for an image. */
export interface TrustGiven {
  readonly 'local-config': string;
  readonly 'system-config': string;
}

/** A thing that is attached to an image, and what was found out about it. */
export interface AttachedThing {
  readonly what: Attached;
  readonly finding: Finding;
}

/** All of them, and the one that was wished for. */
export interface AttachedThings {
  /** The image in messages. */
  readonly text: string;
  readonly things: readonly AttachedThing[];
  readonly opened: (OpenedThing & AttachedThing) | undefined;
}

const ANSWER_BYTES_MAX = 256 * 1024 * 1024;

/** What the largest list of components takes when it is parsed and printed. */
const HEAP_MIB = 1024;

/**
 * Finds out what is attached to the image of the operands. The bytes are hashed here; they are parsed, and signatures verified, by
 * a process without rights.
 */
export async function askAttached(
  given: TrustGiven,
  operands: readonly string[],
  { context, wish }: { readonly context: Context; readonly wish: Wish },
): Promise<AttachedThings> {
  const operand = oneImage(operands);
  const store = requireStore(context);
  const image = findImage(store, operand);
  const text = printable(operand);
  const { digest, manifest } = store.readDocuments(image.digest);
  if (isAci(manifest)) {
    throw new Failure(
      EXIT.notFound,
      `cannot show what is attached to image "${text}": it is one in appc's format: wanted rkt verify`,
    );
  }
  const index = digest === image.digest ? indexOf(image) : image.digest;
  const all = gatherAttached(store, { digest, index });
  for (const problem of all.problems) context.note(problem);
  const name = imageNameOf(parseReference(image.digest), image.name);
  const question: AttachedQuestion = { all, name, authorities: authoritiesFor(name, given), nowMs: Date.now(), wish };
  const answer = await askNobody(context.dir, {
    program: 'read-attestations.js',
    what: 'reads attestations that strangers made',
    cannot: 'cannot read attestations',
    question: pack(question, 'what is attached to the image'),
    answerBytesMax: ANSWER_BYTES_MAX,
    heapMiB: HEAP_MIB,
  });
  const { findings, opened, problem } = parseAttachedAnswer(answer, all.attached.length);
  if (problem !== undefined) throw new Failure(EXIT.dataRefused, printable(problem));
  const things = all.attached.flatMap((what, place): AttachedThing[] => {
    const finding = findings[place];
    return finding === undefined ? [] : [{ what, finding }];
  });
  const thing = opened === undefined ? undefined : things[opened.index];
  return { text, things, opened: opened === undefined || thing === undefined ? undefined : { ...opened, ...thing } };
}

/** The keys and identities that may speak for an image of this name. */
function authoritiesFor(name: ImageName, given: TrustGiven): Authority[] {
  const policy = readPolicy({
    directories: { system: resolve(given['system-config']), local: resolve(given['local-config']) },
  });
  const { requirements } = policy.rulesFor(name);
  // Whoever has to attest something is mostly one of those who may sign.
  return [
    ...new Set(requirements.flatMap((requirement) => ('authorities' in requirement ? requirement.authorities : []))),
  ];
}
