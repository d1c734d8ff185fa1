// SPDX-License-Identifier: Apache-2.0
export { printJson } from './json.ts';
export { printSize } from './size.ts';
export { layOut } from './table.ts';
export { parseDuration, printAge, printDuration, printTime } from './time.ts';
