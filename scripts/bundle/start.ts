// SPDX-License-Identifier: Apache-2.0
// Runs a bundle with the code that V8 made of it when rkt was built: node start.js BUNDLE [ARG]...
import { loadBundle } from './load.ts';

// From here on the bundle is the program that Node was told to run.
process.argv.splice(1, 1);
loadBundle(process.argv[1] ?? '').run();
