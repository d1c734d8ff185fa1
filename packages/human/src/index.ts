// SPDX-License-Identifier: Apache-2.0
export { isForEyes, painter, toneOf, type Paint, type Tone } from './colour.ts';
export { printJson } from './json.ts';
export { printSize } from './size.ts';
export { layOut, type PaintCell } from './table.ts';
export { parseDuration, printAge, printDuration, printTime } from './time.ts';
