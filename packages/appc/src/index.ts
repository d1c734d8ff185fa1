// SPDX-License-Identifier: Apache-2.0
export {
  ACI_TYPE,
  checkAsked,
  IMAGE_ID,
  parseArtifact,
  printArtifact,
  resolveStored,
  type AciParts,
  type ArtifactDocuments,
  type StoredArtifact,
} from './artifact.ts';
export {
  aciChainIds,
  checkDependency,
  DEPENDENCY_DEPTH_MAX,
  resolveDependencies,
  type Aci,
  type AciLayer,
  type UnpackedAci,
} from './dependencies.ts';
export {
  discover,
  discoverPublicKeys,
  isPrefixOf,
  type DiscoveryRequest,
  type Endpoint,
  type GetPage,
} from './discovery.ts';
export { isolatorsOf, type Isolators, type SeccompSet } from './isolators.ts';
export { checkWanted, isForPlatform, labelOf, printImageName, type Wanted } from './labels.ts';
export { parsePodManifest, type AppcPod, type AppcPodApp, type AppcVolume } from './pod-manifest.ts';
export { parseImageManifest, type App, type Dependency, type ImageManifest, type Label } from './manifest.ts';
