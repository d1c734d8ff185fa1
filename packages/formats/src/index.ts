// SPDX-License-Identifier: Apache-2.0
export { parsePod, printPod, type PodApp, type PodManifest, type PodVolume } from './pod.ts';
export {
  parseRuntimeConfig,
  printRuntimeConfig,
  type RuntimeCapabilities,
  type RuntimeConfig,
  type RuntimeIdMapping,
  type RuntimeMount,
  type RuntimeResources,
} from './runtime-config.ts';
export { exitCodeOf, parseStatus, type End, type Status } from './status.ts';
