// SPDX-License-Identifier: Apache-2.0
export { becomesStage1, mounts, parseDeclaration, type Declaration } from './declaration.ts';
export { compileFilters, filterOf, type FilterName } from './filters.ts';
export { launcher, type LauncherInput } from './launcher.ts';
export { unitLines } from './unit.ts';
