// SPDX-License-Identifier: Apache-2.0
// Artifacts of the OCI image specification 1.1 that refer to an image, such as its signatures, and the index that lists them.
import * as v from 'valibot';
import { EXIT, Failure } from '@rkt/exit';
import { isDigest, printable, type Digest } from '@rkt/names';
import { checkForeign, parseForeign } from './foreign.ts';
import { parseJson } from './json.ts';
import { MEDIA_TYPE } from './media-types.ts';
import { descriptor, parseImageDocument, type Descriptor } from './oci-image.ts';

/** The media types of signatures and of what carries them. */
export const SIGNATURE_TYPE = {
  /** A bundle of sigstore, as artifact and as layer. */
  bundle: 'application/vnd.dev.sigstore.bundle.v0.3+json',
  /** A layer of an image of cosign before bundles. */
  cosign: 'application/vnd.dev.cosign.simplesigning.v1+json',
  /** A layer of an `.att` image of cosign: a DSSE envelope. */
  dsse: 'application/vnd.dsse.envelope.v1+json',
  /** An artifact of ours that holds signatures in the format of containers-signature(5). */
  simpleSigning: 'application/vnd.rkt.simplesigning.v1',
  simpleSigningLayer: 'application/vnd.rkt.simplesigning.v1+pgp',
  /** An artifact of ours that holds detached signatures of an ACI. */
  aci: 'application/vnd.rkt.aci.signature.v1',
  aciLayer: 'application/pgp-signature',
} as const;

/** The size of the largest file of detached signatures. */
export const DETACHED_BYTES_MAX = 64 * 1024;

/** The configuration of an artifact that has none: OCI image-spec, manifest.md, "Guidance for an Empty Descriptor". */
export const EMPTY_BLOB = Buffer.from('{}');

const emptyDescriptor = {
  mediaType: 'application/vnd.oci.empty.v1+json',
  digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
  size: EMPTY_BLOB.byteLength,
};

/** How many signatures one artifact may hold. */
const LAYERS_MAX = 64;

const artifactManifest = v.object({
  schemaVersion: v.literal(2),
  mediaType: v.optional(v.literal(MEDIA_TYPE.manifest)),
  artifactType: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(255))),
  config: descriptor,
  layers: v.pipe(v.array(descriptor), v.maxLength(LAYERS_MAX)),
  subject: v.optional(descriptor),
  annotations: v.optional(v.nullable(v.record(v.string(), v.string()))),
});

/** The manifest of an artifact. */
export interface ArtifactManifest {
  /** What it says it is, or the media type of its configuration, as the specification has it. */
  readonly artifactType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  /** What it refers to; images of cosign before bundles do not say it. */
  readonly subject: Digest | undefined;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Reads the manifest of an artifact. */
export function parseArtifactManifest(bytes: Uint8Array, what: string): ArtifactManifest {
  // What is an index to somebody else is no artifact to us.
  parseImageDocument(bytes, { what, mediaType: MEDIA_TYPE.manifest });
  const { artifactType, config, layers, subject, annotations } = parseForeign(artifactManifest, bytes, { what });
  return {
    artifactType: artifactType ?? config.mediaType,
    config,
    layers,
    subject: subject?.digest,
    annotations: annotations ?? {},
  };
}

/** An artifact to be made. */
export interface NewArtifact {
  readonly artifactType: string;
  readonly subject: { readonly mediaType: string; readonly digest: Digest; readonly size: number };
  readonly layers: readonly {
    readonly mediaType: string;
    readonly digest: Digest;
    readonly size: number;
    readonly annotations?: Readonly<Record<string, string>>;
  }[];
}

/** The text of the manifest of an artifact without a configuration. The same artifact always has the same text. */
export function printArtifactManifest({ artifactType, subject, layers }: NewArtifact): string {
  const plain = ({ mediaType, digest, size, annotations }: NewArtifact['layers'][number]) => ({
    mediaType,
    digest,
    size,
    ...(annotations === undefined ? {} : { annotations }),
  });
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    artifactType,
    config: emptyDescriptor,
    layers: layers.map(plain),
    subject: plain(subject),
  });
}

/** An artifact in the index of those that refer to an image. */
export interface Referrer {
  readonly digest: Digest;
  readonly size: number;
  readonly artifactType: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The size of the largest layer of an artifact: attested lists of the components of large images have tens of megabytes. */
export const ATTESTATION_BYTES_MAX = 64 * 1024 * 1024;

/** The bytes that all layers of the artifacts of one image may have together. */
export const ATTACHED_BYTES_MAX = 128 * 1024 * 1024;

/** How many artifacts of one image are kept. */
export const REFERRERS_MAX = 64;

/** The size of the largest index of artifacts. */
export const REFERRERS_BYTES_MAX = 1024 * 1024;

const referrers = v.object({
  schemaVersion: v.literal(2),
  mediaType: v.literal(MEDIA_TYPE.index),
  manifests: v.pipe(
    v.array(
      v.object({
        mediaType: v.literal(MEDIA_TYPE.manifest),
        digest: v.custom<Digest>((value) => typeof value === 'string' && isDigest(value), 'wanted a digest'),
        size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
        artifactType: v.pipe(v.string(), v.minLength(1), v.maxLength(255)),
        annotations: v.optional(v.record(v.string(), v.string()), {}),
      }),
    ),
    v.maxLength(REFERRERS_MAX),
  ),
});

/** Reads `referrers/sha256/HEX.json` of a store. */
export function parseReferrers(bytes: Uint8Array, path: string): Referrer[] {
  const what = `"${printable(path)}"`;
  const data = parseJson(bytes, { what, limitBytes: REFERRERS_BYTES_MAX });
  const { manifests } = checkForeign(referrers, data, what);
  const seen = new Set(manifests.map(({ digest }) => digest));
  if (seen.size === manifests.length) {
    return manifests.map(({ digest, size, artifactType, annotations }) => ({
      digest,
      size,
      artifactType,
      annotations,
    }));
  }
  throw new Failure(EXIT.dataRefused, `cannot read ${what}: it lists an artifact twice`);
}

/** An artifact as a registry lists it: what it says about it are hints. */
export interface ListedReferrer {
  readonly digest: Digest;
  readonly size: number;
  /** Registries take it from the artifact; whoever wrote the index of a tag may have left it out. */
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
}

const listed = v.object({
  mediaType: v.literal(MEDIA_TYPE.manifest),
  digest: v.custom<Digest>((value) => typeof value === 'string' && isDigest(value), 'wanted a digest'),
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  artifactType: v.optional(v.string()),
  annotations: v.optional(v.nullable(v.record(v.string(), v.string()))),
});

/** Reads a list of referrers as a registry answers it or keeps it under a tag. Entries of other shapes are passed over. */
export function parseListedReferrers(bytes: Uint8Array, what: string): ListedReferrer[] {
  const document = parseImageDocument(bytes, { what, mediaType: MEDIA_TYPE.index });
  if (document.kind !== 'index') return [];
  const { manifests } = parseForeign(v.object({ manifests: v.array(v.unknown()) }), bytes, { what });
  return manifests.flatMap((entry) => {
    const result = v.safeParse(listed, entry);
    if (!result.success) return [];
    const { digest, size, artifactType, annotations } = result.output;
    return [{ digest, size, artifactType: artifactType || undefined, annotations: annotations ?? {} }];
  });
}

/** The text of `referrers/sha256/HEX.json`: an index of the OCI, such as registries answer with. */
export function printReferrers(list: readonly Referrer[]): string {
  const manifests = list.map(({ digest, size, artifactType, annotations }) => ({
    mediaType: MEDIA_TYPE.manifest,
    digest,
    size,
    artifactType,
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  }));
  return `${JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests }, null, 2)}\n`;
}
