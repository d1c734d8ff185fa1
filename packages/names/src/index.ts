// SPDX-License-Identifier: Apache-2.0
export { printable } from '@rkt/exit';
export { hexOf, isDigest, parseDigest, type Digest } from './digest.ts';
export {
  parseReference,
  printReference,
  type LayoutReference,
  type Reference,
  type RegistryReference,
  type StoredReference,
} from './reference.ts';
export { appNameOf, isAppName, isPodUuid, isUuidPrefix, parseAppName, type AppName, type PodUuid } from './pod.ts';
