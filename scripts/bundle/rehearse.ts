// SPDX-License-Identifier: Apache-2.0
// Runs a bundle as start.js does, and keeps the code of all that ran: node rehearse.ts BUNDLE [ARG]...
import { loadBundle } from './load.ts';

process.argv.splice(1, 1);
const { run, keepCode } = loadBundle(process.argv[1] ?? '');
process.once('exit', keepCode);
run();
