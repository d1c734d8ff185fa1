// SPDX-License-Identifier: Apache-2.0
export { claim } from '@rkt/pods';
export { removeLeftovers, removeTrees, underLayersLock, type LayerRules } from './layers.ts';
export { deletePod, releaseUnusedRanges } from './pod.ts';
export { unmountBelow } from './unmount.ts';
