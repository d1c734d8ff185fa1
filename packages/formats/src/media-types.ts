// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';

/** The media types of the OCI image specification that rkt writes or asks for, and their Docker synonyms. */
export const MEDIA_TYPE = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerIndex: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  /** The manifest of an image in appc's format, as the configuration of an OCI manifest. */
  appcManifest: 'application/vnd.appc.image.manifest.v1+json',
} as const;

/** What a document with other documents below it is. */
export type DocumentKind = 'manifest' | 'index';

/** Whether a media type is the one of a manifest or of an index; undefined if of neither. */
export function kindOf(mediaType: string): DocumentKind | undefined {
  if (mediaType === MEDIA_TYPE.manifest || mediaType === MEDIA_TYPE.dockerManifest) return 'manifest';
  if (mediaType === MEDIA_TYPE.index || mediaType === MEDIA_TYPE.dockerIndex) return 'index';
  return undefined;
}

/** How the tar archive of a layer is compressed. */
export type Compression = 'none' | 'gzip' | 'zstd';

const LAYERS: ReadonlyMap<string, Compression> = new Map([
  ['application/vnd.oci.image.layer.v1.tar', 'none'],
  ['application/vnd.oci.image.layer.v1.tar+gzip', 'gzip'],
  ['application/vnd.oci.image.layer.v1.tar+zstd', 'zstd'],
  ['application/vnd.oci.image.layer.nondistributable.v1.tar', 'none'],
  ['application/vnd.oci.image.layer.nondistributable.v1.tar+gzip', 'gzip'],
  ['application/vnd.oci.image.layer.nondistributable.v1.tar+zstd', 'zstd'],
  ['application/vnd.docker.image.rootfs.diff.tar', 'none'],
  ['application/vnd.docker.image.rootfs.diff.tar.gzip', 'gzip'],
  ['application/vnd.docker.image.rootfs.diff.tar.zstd', 'zstd'],
  ['application/vnd.docker.image.rootfs.foreign.diff.tar', 'none'],
  ['application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', 'gzip'],
]);

/** How the layer of this media type is compressed, or a refusal: file system images and encrypted layers are not layers to rkt. */
export function compressionOf(mediaType: string): Compression {
  const compression = LAYERS.get(mediaType);
  if (compression !== undefined) return compression;
  throw new Failure(
    EXIT.dataRefused,
    `cannot use a layer of media type "${printable(mediaType)}": wanted a tar archive, plain or compressed by gzip or zstd`,
  );
}

/** True for the media type of an image configuration; an artifact that is no image has another. */
export function isConfigMediaType(mediaType: string): boolean {
  return mediaType === MEDIA_TYPE.config || mediaType === MEDIA_TYPE.dockerConfig;
}

const OCI_LAYER = 'application/vnd.oci.image.layer';
const OCI_TYPES: ReadonlyMap<string, string> = new Map([
  [MEDIA_TYPE.dockerManifest, MEDIA_TYPE.manifest],
  [MEDIA_TYPE.dockerIndex, MEDIA_TYPE.index],
  [MEDIA_TYPE.dockerConfig, MEDIA_TYPE.config],
  ['application/vnd.docker.image.rootfs.diff.tar', `${OCI_LAYER}.v1.tar`],
  ['application/vnd.docker.image.rootfs.diff.tar.gzip', `${OCI_LAYER}.v1.tar+gzip`],
  ['application/vnd.docker.image.rootfs.diff.tar.zstd', `${OCI_LAYER}.v1.tar+zstd`],
  ['application/vnd.docker.image.rootfs.foreign.diff.tar', `${OCI_LAYER}.nondistributable.v1.tar`],
  ['application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', `${OCI_LAYER}.nondistributable.v1.tar+gzip`],
]);

/** The OCI media type that means the same as a Docker one; any other is returned as it is. */
export function ociTypeOf(mediaType: string): string {
  return OCI_TYPES.get(mediaType) ?? mediaType;
}
