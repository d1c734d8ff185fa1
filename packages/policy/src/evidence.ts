// SPDX-License-Identifier: Apache-2.0
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, Failure } from '@rkt/exit';
import {
  ATTACHED_BYTES_MAX,
  DOCUMENT_BYTES_MAX,
  parseImageDocument,
  SIGNATURE_TYPE,
  type ArtifactManifest,
} from '@rkt/formats';
import { type Digest } from '@rkt/names';

/** A signature as it was found beside an image: bytes of strangers. */
export interface FoundSignature {
  readonly kind: 'simple-signing' | 'bundle' | 'cosign' | 'cosign-attestation' | 'detached';
  /** The image, or the index that it was found in. */
  readonly subject: Digest;
  readonly blob: Digest;
  readonly bytes: Uint8Array;
  /** Those of its descriptor: where cosign keeps the signature. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** What is decided about. */
export interface Subject {
  readonly kind: 'manifest' | 'aci';
  readonly digest: Digest;
  readonly size: number;
  /** The index that the image was found in, which lists it. */
  readonly indexDigest?: Digest | undefined;
}

/** All that speaks for an image. */
export interface Evidence {
  readonly subject: Subject;
  /** The bytes of the OCI manifest and the index, which were hashed: some signatures are directly over them. */
  readonly documents: readonly { readonly digest: Digest; readonly bytes: Uint8Array }[];
  readonly signatures: readonly FoundSignature[];
  /** What could not be read, or was too much. */
  readonly problems: readonly string[];
}

/** Where evidence is: a store, which may belong to anybody. What it returns is hashed. */
export interface EvidenceStore {
  readonly readBlob: (digest: Digest, limitBytes?: number) => Buffer;
  readonly artifacts: (subject: Digest) => {
    readonly artifacts: readonly ArtifactManifest[];
    readonly problems: readonly string[];
  };
}

/** An image of a store. */
export interface FoundImage {
  readonly digest: Digest;
  /** The index that the store says it was found in. */
  readonly index?: Digest | undefined;
}

const SIGNATURES_MAX = 64;

const KINDS: ReadonlyMap<string, FoundSignature['kind']> = new Map([
  [SIGNATURE_TYPE.bundle, 'bundle'],
  ...['0.1', '0.2', '0.3'].map(
    (version) => [`application/vnd.dev.sigstore.bundle+json;version=${version}`, 'bundle'] as const,
  ),
  [SIGNATURE_TYPE.cosign, 'cosign'],
  [SIGNATURE_TYPE.dsse, 'cosign-attestation'],
  [SIGNATURE_TYPE.simpleSigningLayer, 'simple-signing'],
  [SIGNATURE_TYPE.aciLayer, 'detached'],
]);

/**
 * Reads the signatures of an image, and of the index that it was found in, from a store: at most 64, of at most 128 MiB together.
 *
 * What cannot be read is told and left out: that a store hides signatures can lead to a refusal and to nothing else.
 */
export function gatherEvidence(store: EvidenceStore, image: FoundImage): Evidence {
  const problems: string[] = [];
  const documents = documentsOf(store, image, problems);
  const [manifest, index] = documents;
  const subjects = documents.map(({ digest }) => digest);
  return {
    subject: { kind: 'manifest', digest: image.digest, size: manifest.bytes.byteLength, indexDigest: index?.digest },
    documents,
    signatures: readSignatures(store, subjects, problems),
    problems,
  };
}

type Document = Evidence['documents'][number];

/** The manifest of an image, and the index that it was found in, if it is known and lists the image. */
export function documentsOf(
  store: Pick<EvidenceStore, 'readBlob'>,
  image: FoundImage,
  problems: string[],
): [manifest: Document, ...index: Document[]] {
  const manifest = { digest: image.digest, bytes: store.readBlob(image.digest) };
  const index =
    image.index === undefined ? undefined : attempt(problems, () => indexWith(store, image.index, image.digest));
  return index === undefined ? [manifest] : [manifest, index];
}

/** What a layer of this media type is, if it is a signature. */
export const kindOfSignature = (mediaType: string): FoundSignature['kind'] | undefined => KINDS.get(mediaType);

/** An ACI of a store: the OCI manifest under which it lies there, and the file as it was served. */
export interface FoundAci {
  readonly artifact: Digest;
  readonly blob: Pick<Subject, 'digest' | 'size'>;
}

/** Reads the signatures of an ACI from a store, within the same limits; whoever decides reads the ACI itself besides. */
export function gatherAciEvidence(store: EvidenceStore, { artifact, blob: { digest, size } }: FoundAci): Evidence {
  const problems: string[] = [];
  const documents = [{ digest: artifact, bytes: store.readBlob(artifact) }];
  return {
    subject: { kind: 'aci', digest, size },
    documents,
    signatures: readSignatures(store, [artifact], problems),
    problems,
  };
}

function attempt<T>(problems: string[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    problems.push(error.message);
    return undefined;
  }
}

function readSignatures(store: EvidenceStore, subjects: readonly Digest[], problems: string[]): FoundSignature[] {
  const all = subjects.flatMap((digest) => layersOf(store, digest, problems));
  const signatures: FoundSignature[] = [];
  for (const [subject, layer] of withinLimits(all, problems)) {
    const kind = KINDS.get(layer.mediaType);
    const bytes = attempt(problems, () => readLayer(store, layer));
    if (kind === undefined || bytes === undefined) continue;
    signatures.push({ kind, subject, blob: layer.digest, bytes, annotations: layer.annotations ?? {} });
  }
  return signatures;
}

/** Those that are looked at. The small ones go first: what is large, a list of components, does not hide the signature that matters. */
function withinLimits(all: readonly FoundLayer[], problems: string[]): FoundLayer[] {
  const known = all.filter(([, { mediaType }]) => KINDS.has(mediaType));
  let left = ATTACHED_BYTES_MAX;
  const taken = new Set(
    known
      .toSorted(([, a], [, b]) => a.size - b.size)
      .slice(0, SIGNATURES_MAX)
      .filter(([, { size }]) => (left -= size) >= 0),
  );
  if (taken.size < known.length) problems.push(`only ${taken.size} signatures were looked at`);
  return known.filter((layer) => taken.has(layer));
}

/** Reads a layer of an artifact, of the size that its manifest says. */
export function readLayer(store: EvidenceStore, { digest, size }: Layer): Buffer {
  const bytes = store.readBlob(digest, Math.max(size, DOCUMENT_BYTES_MAX));
  if (bytes.byteLength === size) return bytes;
  throw new Failure(EXIT.dataRefused, `cannot use blob "${digest}": it has ${bytes.byteLength} bytes: wanted ${size}`);
}

type Layer = ArtifactManifest['layers'][number];
type FoundLayer = readonly [subject: Digest, Layer];

function layersOf(store: EvidenceStore, subject: Digest, problems: string[]): FoundLayer[] {
  const found = store.artifacts(subject);
  problems.push(...found.problems);
  return found.artifacts.flatMap(({ layers }) => layers.map((layer): FoundLayer => [subject, layer]));
}

/** The index of an image, if it lists the image as one: then who signed the index signed the image. */
function indexWith(
  store: Pick<EvidenceStore, 'readBlob'>,
  digest: Digest | undefined,
  image: Digest,
): Document | undefined {
  if (digest === undefined) return undefined;
  const bytes = store.readBlob(digest);
  const document = parseImageDocument(bytes, { what: `index "${digest}"` });
  if (document.kind !== 'index') return undefined;
  const listed = document.index.manifests.some(
    (entry) => entry.digest === image && entry.annotations?.['vnd.docker.reference.type'] === undefined,
  );
  return listed ? { digest, bytes } : undefined;
}

/** True if nobody but root and this user can say which image has which name in a store. */
export function isOwnStore(dir: string): boolean {
  const uid = process.geteuid?.() ?? 0;
  return [dir, join(dir, 'index.json')].every((path) => {
    const status = lstatSync(path, { throwIfNoEntry: false });
    return status !== undefined && (status.uid === 0 || status.uid === uid) && (status.mode & 0o022) === 0;
  });
}
