// SPDX-License-Identifier: Apache-2.0
export { printable, printableText } from '@rkt/exit';
export {
  isAcIdentifier,
  isAcName,
  isImageId,
  isImageIdPrefix,
  parseImageId,
  type AcIdentifier,
  type AcName,
  type ImageId,
} from './appc.ts';
export { hexOf, isDigest, parseDigest, type Digest } from './digest.ts';
export { printArchiveCimd, printCimd } from './appc-reference.ts';
export {
  parseReference,
  printReference,
  type AppcReference,
  type ArchiveReference,
  type LayoutReference,
  type Reference,
  type RegistryReference,
  type StoredReference,
} from './reference.ts';
export { appNameOf, isAppName, isPodUuid, isUuidPrefix, parseAppName, type AppName, type PodUuid } from './pod.ts';
