// SPDX-License-Identifier: Apache-2.0
export { appPlan } from './app-plan.ts';
export { enterPlan, type EnterInput } from './enter-plan.ts';
export { type Host } from './host.ts';
export { imageVolumeDirectories, imageVolumesOf } from './image-volumes.ts';
export { outputPlan } from './output-plan.ts';
export { filledDirectories } from './own-volumes.ts';
export { initPlan, limitWarnings, podPlan, startPlan, type CompiledFrom, type PodInput } from './pod-plan.ts';
export { lowerTrees } from './root.ts';
export { signalNamed } from './signals.ts';
