// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { MEDIA_TYPE, REFERRERS_MAX, SIGNATURE_TYPE } from '@rkt/formats';
import { hexOf, type Digest } from '@rkt/names';
import type { AddedArtifact, Store } from '@rkt/store';
import { completeArtifact, keptArtifacts, wrapSignature, type Budget } from './artifact.ts';
import type { ResolvedImage } from './resolve.ts';
import type { Source, SourceDocument } from './sources/source.ts';
import { isWanted } from './wanted.ts';

/** What is kept with an image. */
export interface AttachedOptions {
  readonly image: ResolvedImage;
  readonly sbom: boolean;
  readonly note: (message: string) => void;
  /** The reference, for messages. */
  readonly text: string;
}

/** All that is attached to one image may have so many bytes. */
const TOTAL_BYTES_MAX = 64 * 1024 * 1024;

/** Signatures are not waited for any longer: an image without them is better than none. */
const TIMEOUT_MS = 60_000;

/** How many questions are asked at once. */
const PARALLEL = 4;

interface Gathering {
  readonly store: Store;
  readonly source: Source;
  readonly sbom: boolean;
  readonly signal: AbortSignal;
  readonly budget: Budget;
  readonly turn: Turn;
  /** Does one thing; what fails is told at the end, and stops nothing else. */
  readonly attempt: (work: () => Promise<void>) => Promise<void>;
}

/**
 * Keeps what its source has attached to an image, or to the index that it was found in: signatures and attestations.
 * The image is there by now and usable without them, so what fails is a note. Nothing attached is nothing to speak of.
 */
export async function keepAttached(store: Store, source: Source, options: AttachedOptions): Promise<void> {
  const { image, sbom, note, text } = options;
  const problems: string[] = [];
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      if (signal.aborted) problems.push(`no answer within ${TIMEOUT_MS / 1000} seconds`);
      else if (error instanceof Failure) problems.push(error.message);
      else throw error;
    }
  };
  const budget = { left: TOTAL_BYTES_MAX };
  const gathering = { store, source, sbom, signal, budget, turn: makeTurns(PARALLEL), attempt };
  const { digest, bytes, mediaType, index } = image;
  const documents = [{ digest, bytes, mediaType }, ...(index === undefined ? [] : [index])];
  const tags = documents.flatMap((document) => (['sig', 'att'] as const).map((kind) => ({ document, kind })));
  await Promise.all([
    // One after the other: a registry that cannot list the first is not asked for the second.
    (async () => {
      for (const document of documents) await attempt(() => keepReferrers(gathering, document));
    })(),
    ...tags.map(({ document, kind }) => attempt(() => keepTagged(gathering, document, kind))),
  ]);
  // Last, since the answers before tell whether the registry has any.
  await Promise.all(documents.map((document) => attempt(() => keepMessages(gathering, document))));
  const [first, ...more] = new Set(problems);
  if (first === undefined) return;
  note(`signatures of "${text}" may be missing: ${first}${more.length > 0 ? `, and ${more.length} more` : ''}`);
}

type Turn = <T>(work: () => Promise<T>) => Promise<T>;

/** Lets so many work at once; the others wait for their turn. */
function makeTurns(count: number): Turn {
  let free = count;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}

async function keepReferrers(gathering: Gathering, { digest: subject }: Pick<SourceDocument, 'digest'>): Promise<void> {
  const { source, store, sbom, signal, turn, attempt } = gathering;
  const { referrers, isCut } = await source.referrers(subject, {
    isWanted: (referrer) => isWanted(referrer, sbom),
    limit: REFERRERS_MAX,
    signal,
  });
  const kept = await keptArtifacts(store, subject);
  const missing = referrers.filter(({ digest }) => !kept.has(digest));
  const keep = async ({ digest }: (typeof missing)[number]) => {
    const { bytes } = await source.document({ digest, mediaType: MEDIA_TYPE.manifest }, signal);
    await store.addArtifact(await completeArtifact({ subject, bytes, name: digest }, gathering));
  };
  await Promise.all(missing.map((referrer) => attempt(() => turn(() => keep(referrer)))));
  if (isCut) await attempt(() => Promise.reject(tooMany(subject)));
}

/** Keeps what cosign attaches by the name of a tag. What was under the tag the last time is replaced: it is part of this. */
async function keepTagged(
  gathering: Gathering,
  { digest: subject }: Pick<SourceDocument, 'digest'>,
  kind: 'sig' | 'att',
): Promise<void> {
  const { source, store, signal, turn } = gathering;
  const tag = `sha256-${hexOf(subject)}.${kind}`;
  await turn(async () => {
    const found = await source.tagged(tag, signal);
    if (found === undefined || (await keptArtifacts(store, subject)).has(found.digest)) return;
    const artifact = await completeArtifact({ subject, bytes: found.bytes, name: tag }, gathering);
    await store.addArtifact({ ...artifact, tag });
  });
}

/** Keeps signed messages, each as an artifact of ours: then one more is one more, whatever was there before. */
async function keepMessages(gathering: Gathering, document: SourceDocument): Promise<void> {
  const { source, store, signal, attempt } = gathering;
  const messages = await source.messages(document.digest, signal);
  for (const message of messages.slice(0, REFERRERS_MAX))
    await attempt(async () => void (await store.addArtifact(messageArtifact(document, message))));
  if (messages.length > REFERRERS_MAX) throw tooMany(document.digest);
}

function messageArtifact({ digest, bytes, mediaType = '' }: SourceDocument, message: Buffer): AddedArtifact {
  const subject = { mediaType, digest, size: bytes.byteLength };
  const { simpleSigning: artifactType, simpleSigningLayer } = SIGNATURE_TYPE;
  return wrapSignature(subject, { artifactType, mediaType: simpleSigningLayer, bytes: message });
}

const tooMany = (subject: Digest) =>
  new Failure(EXIT.dataRefused, `"${subject}" has more than ${REFERRERS_MAX} of them: only so many are looked at`);
