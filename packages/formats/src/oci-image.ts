// SPDX-License-Identifier: Apache-2.0
// The documents of the OCI image specification 1.1 and their Docker synonyms: manifest, index, image configuration.
import * as v from 'valibot';
import { EXIT, Failure } from '@rkt/exit';
import { isDigest, printable, type Digest } from '@rkt/names';
import { checkForeign, parseForeign } from './foreign.ts';
import { parseJson } from './json.ts';
import { kindOf, MEDIA_TYPE, ociTypeOf, type DocumentKind } from './media-types.ts';

/** The number of layers of an image, as overlayfs and Docker limit it. */
export const LAYERS_MAX = 127;

/** The number of entries of an index. */
const INDEX_ENTRIES_MAX = 1000;

const strings = v.record(v.string(), v.string());

/** A key that may be left out. Docker writes null where OCI leaves it out. */
export const orNull = <S extends v.GenericSchema>(schema: S) =>
  v.optional(
    v.pipe(
      v.nullable(schema),
      v.transform((value) => value ?? undefined),
    ),
  );

const digest = v.custom<Digest>(
  (value) => typeof value === 'string' && isDigest(value),
  'expected sha256:<64 lower-case hex digits>',
);

const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const platform = v.object({
  architecture: v.optional(v.string(), ''),
  os: v.optional(v.string(), ''),
  variant: v.optional(v.string()),
});

/** The schema of a descriptor, for the other documents of this package. */
export const descriptor = v.object({
  mediaType: v.pipe(v.string(), v.minLength(1), v.maxLength(255)),
  digest,
  size,
  annotations: orNull(strings),
  platform: orNull(platform),
});

const manifest = v.object({
  schemaVersion: v.literal(2),
  mediaType: v.optional(v.string()),
  config: descriptor,
  layers: v.pipe(v.array(descriptor), v.maxLength(LAYERS_MAX)),
  annotations: orNull(strings),
});

const index = v.object({
  schemaVersion: v.literal(2),
  mediaType: v.optional(v.string()),
  // An entry of another algorithm or shape is not for us; it must not hide the others.
  manifests: v.pipe(
    v.array(v.unknown()),
    v.maxLength(INDEX_ENTRIES_MAX),
    v.transform((entries) =>
      entries.filter((entry) => v.is(descriptor, entry)).map((entry) => v.parse(descriptor, entry)),
    ),
  ),
  annotations: orNull(strings),
});

const imageConfig = v.object({
  architecture: v.optional(v.string(), ''),
  os: v.optional(v.string(), ''),
  variant: orNull(v.string()),
  created: orNull(v.string()),
  config: orNull(
    v.object({
      User: orNull(v.string()),
      Env: orNull(v.array(v.string())),
      Entrypoint: orNull(v.array(v.string())),
      Cmd: orNull(v.array(v.string())),
      WorkingDir: orNull(v.string()),
      Volumes: orNull(v.record(v.string(), v.unknown())),
      ExposedPorts: orNull(v.record(v.string(), v.unknown())),
      Labels: orNull(strings),
      StopSignal: orNull(v.string()),
    }),
  ),
  rootfs: v.object({ type: v.literal('layers'), diff_ids: v.pipe(v.array(digest), v.maxLength(LAYERS_MAX)) }),
});

/** Points at a blob: its media type, digest and size. */
export type Descriptor = v.InferOutput<typeof descriptor>;

/** The system that an image is for. */
export type Platform = v.InferOutput<typeof platform>;

/** The manifest of one image. */
export type Manifest = v.InferOutput<typeof manifest>;

/** The index of the images for several platforms. */
export type Index = v.InferOutput<typeof index>;

/** The configuration of an image. */
export type ImageConfig = v.InferOutput<typeof imageConfig>;

/** A manifest or an index, with the media type under which it was read. */
export type ImageDocument =
  | { readonly kind: 'manifest'; readonly mediaType: string; readonly manifest: Manifest }
  | { readonly kind: 'index'; readonly mediaType: string; readonly index: Index };

/** What a document is called in messages, and the media type that its descriptor or the registry gave it, if any. */
export interface DocumentSource {
  readonly what: string;
  readonly mediaType?: string | undefined;
}

/**
 * Reads a manifest or an index. What it is must be beyond doubt: the media type given for it, the one it gives itself
 * and its keys have to agree, so that nobody else can read the same bytes as something else.
 */
export function parseImageDocument(bytes: Uint8Array, { what, mediaType: given }: DocumentSource): ImageDocument {
  const refuse = (why: string) => new Failure(EXIT.dataRefused, `cannot read ${what}: ${why}`);
  const data = parseJson(bytes, { what });
  const own = ownMediaType(data, what);
  const keys = keysOf(data);
  if (given !== undefined && own !== undefined && given !== own) {
    throw refuse(`it says "${printable(own)}" but was given as "${printable(given)}"`);
  }
  const mediaType = own ?? given ?? (keys.has('manifests') ? MEDIA_TYPE.index : MEDIA_TYPE.manifest);
  const kind = documentKind(mediaType, keys, refuse);
  if (kind === 'index') return { kind, mediaType, index: checkForeign(index, data, what) };
  return { kind, mediaType, manifest: checkForeign(manifest, data, what) };
}

function documentKind(mediaType: string, keys: ReadonlySet<string>, refuse: (why: string) => Failure): DocumentKind {
  if (keys.has('fsLayers') || mediaType.includes('distribution.manifest.v1+')) {
    throw refuse('it is of Docker schema 1, which nobody can verify: wanted an OCI or Docker schema 2 manifest');
  }
  if (keys.has('manifests') && (keys.has('layers') || keys.has('config'))) {
    throw refuse('it is a manifest and an index at once');
  }
  const kind = kindOf(mediaType);
  if (kind === undefined) {
    throw refuse(`its media type is "${printable(mediaType)}": wanted an OCI or Docker schema 2 manifest or index`);
  }
  if (!keys.has(kind === 'index' ? 'manifests' : 'layers')) {
    throw refuse(`its media type is "${mediaType}" but it has no "${kind === 'index' ? 'manifests' : 'layers'}"`);
  }
  return kind;
}

function ownMediaType(data: unknown, what: string): string | undefined {
  return checkForeign(v.object({ mediaType: v.optional(v.string()) }), data, what).mediaType;
}

function keysOf(data: unknown): ReadonlySet<string> {
  return new Set(typeof data === 'object' && data !== null ? Object.keys(data) : []);
}

/** Reads the configuration of an image and checks it against the manifest that points at it: one diffID per layer. */
export function parseImageConfig(
  bytes: Uint8Array,
  { what, manifest: parent }: { what: string; manifest: Manifest },
): ImageConfig {
  const config = parseForeign(imageConfig, bytes, { what });
  const [layers, diffIds] = [parent.layers.length, config.rootfs.diff_ids.length];
  if (layers === diffIds) return config;
  throw new Failure(EXIT.dataRefused, `cannot read ${what}: it has ${diffIds} diffIDs for ${layers} layers`);
}

/** The OCI form of a Docker manifest: the same blobs under their OCI media types. */
export function printOciManifest({ config, layers }: Manifest): string {
  const convert = ({ mediaType, digest: blob, size: bytes }: Descriptor) => ({
    mediaType: ociTypeOf(mediaType),
    digest: blob,
    size: bytes,
  });
  const converted = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: convert(config),
    layers: layers.map(convert),
  };
  return JSON.stringify(converted);
}
