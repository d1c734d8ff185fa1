// SPDX-License-Identifier: Apache-2.0
export { appObject, pidOf, podObject } from './json.ts';
export { livingPid, readProcess } from './process.ts';
export { appsNamed, findRunning, type RunningPod } from './running.ts';
export { requireOwner, uuidAndRest, uuidOf, uuidsOf } from './select.ts';
export { inspectPod, type AppState, type AppView, type PodView } from './view.ts';
