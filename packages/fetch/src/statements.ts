// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import {
  IN_TOTO,
  parseArtifactManifest,
  parseImageDocument,
  PREDICATE_TYPE,
  printArtifactManifest,
  type ArtifactManifest,
  type Descriptor,
} from '@rkt/formats';
import { type Digest } from '@rkt/names';
import { addArtifact, digestOf, keptArtifacts, whatIs, type Gathering } from './gathering.ts';
import type { ResolvedImage } from './resolve.ts';
import { isWanted } from './wanted.ts';

/** How many manifests of attestations are looked at: BuildKit makes one for each image. */
const MANIFESTS_MAX = 4;

/**
 * Keeps what BuildKit says about an image in its index: in-toto statements that nobody has signed, provenance and, if wanted,
 * lists of components. Each becomes an artifact of ours, as others attach statements: then one without the other is whole.
 */
export async function keepStatements(gathering: Gathering, image: ResolvedImage): Promise<void> {
  const { turn, attempt } = gathering;
  const entries = attestationsOf(image).slice(0, MANIFESTS_MAX);
  await Promise.all(entries.map((entry) => attempt(() => turn(() => keepEntry(gathering, image, entry)))));
}

/** The manifests of attestations that the index of an image lists for it. */
function attestationsOf({ index, digest }: ResolvedImage): Descriptor[] {
  if (index === undefined) return [];
  const { bytes, mediaType } = index;
  const document = parseImageDocument(bytes, { what: `index "${index.digest}"`, mediaType });
  if (document.kind !== 'index') return [];
  return document.index.manifests.filter(
    ({ annotations }) =>
      annotations?.['vnd.docker.reference.type'] === 'attestation-manifest' &&
      annotations['vnd.docker.reference.digest'] === digest,
  );
}

async function keepEntry(gathering: Gathering, image: ResolvedImage, entry: Descriptor): Promise<void> {
  const { store, sbom, attempt } = gathering;
  const manifest = await manifestOf(gathering, entry);
  const statements = manifest?.layers.filter(
    ({ mediaType, annotations }) =>
      mediaType === IN_TOTO && isWanted({ artifactType: IN_TOTO, annotations: annotations ?? {} }, sbom),
  );
  if (statements === undefined || statements.length === 0) return;
  const kept = await keptArtifacts(store, image.digest);
  for (const statement of statements) await attempt(() => keepStatement(gathering, { image, statement, kept }));
}

/** What the index points at; undefined if the source has only the image: whoever copied it may have left the rest. */
async function manifestOf({ source, signal }: Gathering, entry: Descriptor): Promise<ArtifactManifest | undefined> {
  try {
    const { bytes } = await source.document(entry, signal);
    return parseArtifactManifest(bytes, whatIs(entry.digest));
  } catch (error) {
    if (error instanceof Failure && error.status === EXIT.notFound) return undefined;
    throw error;
  }
}

interface Found {
  readonly image: ResolvedImage;
  readonly statement: Descriptor;
  readonly kept: ReadonlySet<Digest>;
}

async function keepStatement(gathering: Gathering, { image, statement, kept }: Found): Promise<void> {
  const { digest: subject, mediaType, bytes: own } = image;
  const { digest, size, annotations } = statement;
  const type = annotations?.[PREDICATE_TYPE];
  const layer = {
    mediaType: IN_TOTO,
    digest,
    size,
    ...(type === undefined ? {} : { annotations: { [PREDICATE_TYPE]: type } }),
  };
  const text = printArtifactManifest({
    artifactType: IN_TOTO,
    subject: { mediaType, digest: subject, size: own.byteLength },
    layers: [layer],
  });
  const bytes = Buffer.from(text);
  const name = digest;
  if (kept.has(digestOf(bytes))) return;
  await addArtifact({ subject, bytes, name, manifest: parseArtifactManifest(bytes, whatIs(name)) }, gathering);
}
