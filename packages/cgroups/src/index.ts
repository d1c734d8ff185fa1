// SPDX-License-Identifier: Apache-2.0
export { delegatedHierarchies, hierarchiesOf } from './delegated.ts';
export {
  hostHierarchies,
  readHierarchies,
  type Hierarchies,
  type Hierarchy,
  type HierarchyTexts,
} from './hierarchies.ts';
export { changeLimits, type LimitChange } from './change.ts';
export { freezeApp, isFrozen, thawApp } from './freeze.ts';
export { limitsOf } from './limits.ts';
export { cgroupOps, podCgroupOps, type CgroupInput, type CgroupOps, type PodCgroupOps } from './ops.ts';
export { type CgroupPath } from './places.ts';
export { killApp, killPod, podCgroups, processesOf, removeAppCgroups, removePodCgroups } from './pod.ts';
export { DEFAULT_PIDS, type Resources } from './resources.ts';
export { type Limit, type Setting } from './row.ts';
export { ceiling, usage, type Ceiling, type Usage } from './usage.ts';
