// SPDX-License-Identifier: Apache-2.0
export { claim } from './claim.ts';
export { removeLeftovers, removeTrees, underLayersLock, type LayerRules } from './layers.ts';
export { deletePod, releaseUnusedRanges } from './pod.ts';
export { unmountBelow } from './unmount.ts';
