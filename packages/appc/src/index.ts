// SPDX-License-Identifier: Apache-2.0
export { ACI_TYPE, IMAGE_ID, isArtifact, printArtifact, readArtifact, type AciParts } from './artifact.ts';
export {
  aciChainIds,
  checkDependency,
  DEPENDENCY_DEPTH_MAX,
  resolveDependencies,
  type Aci,
  type AciLayer,
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
export { parseImageManifest, type App, type Dependency, type ImageManifest, type Label } from './manifest.ts';
