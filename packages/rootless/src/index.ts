// SPDX-License-Identifier: Apache-2.0
export { caller, callerOf, isAlone, type Caller, type CallerInput } from './owner.ts';
export {
  enterUserNamespace,
  hasOwnersFiles,
  hostRanges,
  idsOfPods,
  insideOf,
  mapsOfLayers,
  mapsOfPod,
  outsideOf,
  type IdMaps,
} from './maps.ts';
export { executeAs, plain, type Task } from './execute.ts';
export { isSameOwner, ownerOf, readOwner, writeOwner } from './record.ts';
export { removeOwnTree } from './remove.ts';
export { proposedLine, subordinateRanges, type Range, type Subject } from './subordinate.ts';
