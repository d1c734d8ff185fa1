// SPDX-License-Identifier: Apache-2.0
export { limitOptions, podLimitOptions, type GivenLimits, type GivenPodLimits } from './options.ts';
export { podResourcesOf, requireRoom } from './pod.ts';
export { parseCpu, parseMemory } from './quantities.ts';
export { mergeResources, requireSwap, resourcesOf } from './resources.ts';
