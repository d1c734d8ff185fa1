// SPDX-License-Identifier: Apache-2.0
export { claim } from './claim.ts';
export { PHASES, stateOf, type Phase, type State } from './phase.ts';
export {
  createPod,
  findPod,
  listPods,
  lockPod,
  makePhases,
  movePod,
  readAppStatus,
  readError,
  readPod,
  readPodStatus,
  readUuidFile,
  refind,
  type Pod,
} from './pods.ts';
export { isRunning, notRunning } from './running.ts';
export { allocateRange, RANGE_SIZE, releaseRanges } from './ranges.ts';
