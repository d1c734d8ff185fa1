// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { ATTACHED_BYTES_MAX, MEDIA_TYPE, parseArtifactManifest, REFERRERS_MAX, SIGNATURE_TYPE } from '@rkt/formats';
import { hexOf, type Digest } from '@rkt/names';
import type { AddedArtifact, Store } from '@rkt/store';
import { wrapSignature } from './artifact.ts';
import { addArtifact, keptArtifacts, makeTurns, whatIs, type Gathering } from './gathering.ts';
import type { ResolvedImage } from './resolve.ts';
import type { Source, SourceDocument } from './sources/source.ts';
import { keepStatements } from './statements.ts';
import { isWanted, isWantedArtifact } from './wanted.ts';

/** What is kept with an image. */
export interface AttachedOptions {
  readonly image: ResolvedImage;
  readonly sbom: boolean;
  readonly note: (message: string) => void;
  /** The reference, for messages. */
  readonly text: string;
}

/** Signatures are not waited for any longer: an image without them is better than none. Who asks for large things waits for them. */
const TIMEOUT_MS = 60_000;
const TIMEOUT_SBOM_MS = 600_000;

/** How many questions are asked at once. */
const PARALLEL = 4;

/**
 * Keeps what its source has attached to an image, or to the index that it was found in: signatures and attestations.
 * The image is there by now and usable without them, so what fails is a note. Nothing attached is nothing to speak of.
 */
export async function keepAttached(store: Store, source: Source, options: AttachedOptions): Promise<void> {
  const { image, sbom, note, text } = options;
  const problems: string[] = [];
  const timeoutMs = sbom ? TIMEOUT_SBOM_MS : TIMEOUT_MS;
  const signal = AbortSignal.timeout(timeoutMs);
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      if (signal.aborted) problems.push(`no answer within ${timeoutMs / 1000} seconds`);
      else if (error instanceof Failure) problems.push(error.message);
      else throw error;
    }
  };
  const budget = { left: ATTACHED_BYTES_MAX };
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
    attempt(() => keepStatements(gathering, image)),
  ]);
  // Last, since the answers before tell whether the registry has any.
  await Promise.all(documents.map((document) => attempt(() => keepMessages(gathering, document))));
  const [first, ...more] = new Set(problems);
  if (first === undefined) return;
  note(`signatures of "${text}" may be missing: ${first}${more.length > 0 ? `, and ${more.length} more` : ''}`);
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
    // What the list says about it are hints, and a list may say nothing.
    const manifest = parseArtifactManifest(bytes, whatIs(digest));
    if (isWantedArtifact(manifest, sbom)) await addArtifact({ subject, bytes, name: digest, manifest }, gathering);
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
  const { source, store, sbom, signal, turn } = gathering;
  const tag = `sha256-${hexOf(subject)}.${kind}`;
  await turn(async () => {
    const found = await source.tagged(tag, signal);
    if (found === undefined || (await keptArtifacts(store, subject)).has(found.digest)) return;
    const manifest = parseArtifactManifest(found.bytes, whatIs(tag));
    if (!isWantedArtifact(manifest, sbom)) return;
    await addArtifact({ subject, bytes: found.bytes, name: tag, manifest, tag }, gathering);
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
