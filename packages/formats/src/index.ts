// SPDX-License-Identifier: Apache-2.0
export { DEFAULT_CAPABILITIES } from './default-capabilities.ts';
export { componentsFormatOf, IN_TOTO, PREDICATE_TYPE, type ComponentsFormat } from './attestation-types.ts';
export {
  parsePod,
  printPod,
  type PodApp,
  type PodManifest,
  type PodOwner,
  type PodResources,
  type PodVolume,
} from './pod.ts';
export {
  parseRuntimeConfig,
  printRuntimeConfig,
  UNLIMITED,
  type RuntimeCapabilities,
  type RuntimeConfig,
  type RuntimeIdMapping,
  type RuntimeMount,
  type RuntimeDevice,
} from './runtime-config.ts';
export { type RuntimeResources, type ThrottledDevice } from './runtime-resources.ts';
export { exitCodeOf, parseStatus, type End, type Status } from './status.ts';

export { platformLabels } from './appc-platform.ts';
export { parseCdiSpec, type CdiEdits, type CdiSpec } from './cdi.ts';
export { checkForeign, parseForeign } from './foreign.ts';
export { DEPTH_MAX, DOCUMENT_BYTES_MAX, parseJson, type JsonSource } from './json.ts';
export {
  compressionOf,
  isConfigMediaType,
  kindOf,
  MEDIA_TYPE,
  ociTypeOf,
  type Compression,
  type DocumentKind,
} from './media-types.ts';
export {
  LAYERS_MAX,
  parseImageConfig,
  parseImageDocument,
  printOciManifest,
  type Descriptor,
  type DocumentSource,
  type ImageConfig,
  type ImageDocument,
  type Index,
  type Manifest,
  type Platform,
} from './oci-image.ts';
export {
  ATTACHED_BYTES_MAX,
  ATTESTATION_BYTES_MAX,
  DETACHED_BYTES_MAX,
  EMPTY_BLOB,
  parseArtifactManifest,
  parseListedReferrers,
  parseReferrers,
  printArtifactManifest,
  printReferrers,
  REFERRERS_BYTES_MAX,
  REFERRERS_MAX,
  SIGNATURE_TYPE,
  type ArtifactManifest,
  type ListedReferrer,
  type NewArtifact,
  type Referrer,
} from './oci-artifact.ts';
export {
  changeLayoutIndex,
  EMPTY_LAYOUT_INDEX,
  ORIGINAL,
  parseLayoutIndex,
  parseLayoutMarker,
  printLayoutIndex,
  printLayoutMarker,
  printOriginal,
  REF_NAME,
  type LayoutEntry,
  type LayoutIndex,
} from './oci-layout.ts';
export { parseDockerArchive, parseDockerRepositories, type ArchivedImage } from './docker-archive.ts';
export { isSchema1, parseSchema1, SCHEMA1, schema1Payload, type Schema1 } from './docker-schema1.ts';
export { CHAIN_MAX, parseV1Image, printV1Config, type V1Image } from './docker-v1.ts';
export { choosePlatform, hostPlatform, parsePlatform, printPlatform } from './oci-platform.ts';
export { parseRemote, printRemote, type Remote } from './remote.ts';
export { parseAuthConfig, type AuthConfig, type AwsCredentials } from './rkt-config.ts';
export {
  parseForeignSeccompProfile,
  parseSeccompProfile,
  type ForeignSeccompProfile,
  type SeccompProfile,
} from './seccomp.ts';
export {
  parseContainersPolicy,
  type ContainersPolicy,
  type ContainersRequirement,
  type SignedIdentity,
} from './containers-policy.ts';
export { parseRegistriesConf, type MirrorRule, type RegistryRule } from './registries-conf.ts';
export { parseRegistriesFile, type RegistriesFile, type RegistrySection } from './registries-d.ts';
export {
  DEFAULT_SETTINGS,
  parseSigstoreIdentity,
  parseTrustSettings,
  SETTINGS_BYTES_MAX,
  type SigstoreIdentity,
  type TrustSettings,
  type WantedAttestation,
} from './trust-settings.ts';
export {
  parseVerification,
  printVerification,
  VERIFICATION_VERSION,
  type Verification,
  type VerificationRecord,
  type VerifiedSignature,
} from './verification.ts';
