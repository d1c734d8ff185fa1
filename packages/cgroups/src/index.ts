// SPDX-License-Identifier: Apache-2.0
export { delegatedHierarchies, hierarchiesOf } from './delegated.ts';
export {
  hostHierarchies,
  readHierarchies,
  type Hierarchies,
  type Hierarchy,
  type HierarchyTexts,
} from './hierarchies.ts';
export { limitsOf, type Limit, type Setting } from './limits.ts';
export { cgroupOps, podCgroupOps, type CgroupInput, type CgroupOps, type PodCgroupOps } from './ops.ts';
export { killPod, podCgroups, processesOf, removeAppCgroups, removePodCgroups } from './pod.ts';
export { DEFAULT_PIDS, type Resources } from './resources.ts';
export { usage, type Usage } from './usage.ts';
