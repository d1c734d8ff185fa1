// SPDX-License-Identifier: Apache-2.0
export { pidOf, podObject } from './json.ts';
export { hostPidOf, readProcess } from './process.ts';
export { requireOwner, uuidOf, uuidsOf } from './select.ts';
export { inspectPod, type AppState, type AppView, type PodView } from './view.ts';
