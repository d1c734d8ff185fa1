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
export { cgroupOps, type CgroupInput, type CgroupOps } from './ops.ts';
export { killPod, podCgroups, processesOf, removePodCgroups } from './pod.ts';
export { DEFAULT_PIDS, type Resources } from './resources.ts';
export { ceiling, usage, type Ceiling, type Usage } from './usage.ts';
