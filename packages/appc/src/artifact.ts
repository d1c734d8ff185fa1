// SPDX-License-Identifier: Apache-2.0
// How an ACI lies in an OCI image layout: as an artifact whose configuration is its manifest and whose one layer is the file as served.
import { EXIT, Failure } from '@rkt/exit';
import { MEDIA_TYPE, type Descriptor, type Manifest } from '@rkt/formats';
import {
  isImageId,
  printable,
  type AppcReference,
  type Digest,
  type ImageId,
  type Reference,
  type StoredReference,
} from '@rkt/names';
import { referenceOf, resolveDependencies, type AciLayer } from './dependencies.ts';
import { checkWanted } from './labels.ts';
import { parseImageManifest, type ImageManifest } from './manifest.ts';

/** The media types of the parts; that of the layer ends in how the file is compressed, such as `+gzip`. */
export const ACI_TYPE = {
  artifact: 'application/vnd.appc.image.v1',
  manifest: MEDIA_TYPE.appcManifest,
  aci: 'application/vnd.appc.image.aci',
} as const;

/** The annotation with the image id. */
export const IMAGE_ID = 'org.rkt.appc.id';

/** The parts of an artifact. */
export interface AciParts {
  readonly imageId: ImageId;
  readonly manifest: ImageManifest;
  /** The blobs of the manifest and of the ACI. */
  readonly manifestBlob: Pick<Descriptor, 'digest' | 'size'>;
  readonly aciBlob: Pick<Descriptor, 'digest' | 'size' | 'mediaType'>;
}

/** The text of the OCI manifest of an ACI. It depends on nothing but the ACI, so everybody's is the same. */
export function printArtifact({ imageId, manifest, manifestBlob, aciBlob }: AciParts): string {
  const labels = manifest.labels.map(({ name, value }) => [`org.rkt.appc.label.${name}`, value]);
  const annotations: [string, string][] = [
    [IMAGE_ID, imageId],
    ['org.rkt.appc.name', manifest.name],
    ...labels.map(([key = '', value = '']): [string, string] => [key, value]),
  ];
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    artifactType: ACI_TYPE.artifact,
    config: { mediaType: ACI_TYPE.manifest, digest: manifestBlob.digest, size: manifestBlob.size },
    layers: [{ mediaType: aciBlob.mediaType, digest: aciBlob.digest, size: aciBlob.size }],
    annotations: Object.fromEntries(annotations.toSorted(([a], [b]) => (a < b ? -1 : 1))),
  });
}

/** An ACI of a store: what its documents say, which is still to be compared with the ACI itself. */
export interface StoredArtifact {
  readonly imageId: ImageId;
  readonly manifest: ImageManifest;
  readonly manifestDigest: Digest;
  /** The OCI manifest under which it lies there. */
  readonly artifact: Digest;
  /** The ACI as it was served. */
  readonly blob: Descriptor;
}

/** What is parsed: the OCI manifest of an ACI with its digest, and the bytes of its configuration. */
export interface ArtifactDocuments {
  readonly digest: Digest;
  readonly manifest: Manifest;
  readonly configBytes: Uint8Array;
}

/** Reads the documents of an ACI; an image of another kind, or an artifact that is put together otherwise, is refused. */
export function parseArtifact({ digest, manifest, configBytes }: ArtifactDocuments): StoredArtifact {
  const what = `image "${digest}"`;
  const { config, layers, annotations } = manifest;
  if (config.mediaType !== ACI_TYPE.manifest) {
    throw new Failure(EXIT.dataRefused, `cannot use ${what}: it is not in appc's format`);
  }
  const [blob, ...more] = layers;
  const imageId = annotations?.[IMAGE_ID] ?? '';
  if (blob === undefined || more.length > 0 || !blob.mediaType.startsWith(ACI_TYPE.aci) || !isImageId(imageId)) {
    throw new Failure(
      EXIT.dataRefused,
      `cannot read ${what}: it is no artifact of an ACI: wanted one layer and the annotation "${IMAGE_ID}"`,
    );
  }
  const parsed = parseImageManifest(configBytes, `the manifest of ${what}`);
  return { imageId, manifest: parsed, manifestDigest: config.digest, artifact: digest, blob };
}

/** Refuses an image that is not the one asked for: the names in the index of a store are hints, and the manifest says what it is. */
export function checkAsked(reference: Reference, { manifest, imageId }: StoredArtifact): void {
  if (reference.kind === 'appc') return checkWanted(manifest, reference);
  if (reference.kind !== 'id' || !reference.prefix.startsWith('sha512-') || imageId.startsWith(reference.prefix))
    return;
  throw new Failure(
    EXIT.dataRefused,
    `cannot use image "${printable(reference.prefix)}": the store has "${imageId}" under this id`,
  );
}

/** Reads the documents of the image of a reference, each hashed; which image that is, is only a hint of whoever owns the store. */
export type ReadDocuments = (reference: AppcReference | StoredReference) => ArtifactDocuments;

/** The ACIs of a store that make up the files of an image, the lowest first. */
export async function resolveStored(top: StoredArtifact, read: ReadDocuments): Promise<AciLayer<StoredArtifact>[]> {
  return resolveDependencies(top, (dependency) => Promise.resolve(parseArtifact(read(referenceOf(dependency)))));
}
