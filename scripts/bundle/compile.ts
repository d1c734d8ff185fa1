// SPDX-License-Identifier: Apache-2.0
// Keeps the code of bundles with all their functions beside them: node FLAGS compile.ts DIRECTORY BUNDLE...
// DIRECTORY is where they are going to be installed.
// What a rehearsal keeps depends on what ran, and so on the machine; this is the same wherever it is made, for packages.
// FLAGS are --hash-seed=1 --no-flush-bytecode --no-lazy. V8 takes no code that was made with other flags than it has.
import { setFlagsFromString } from 'node:v8';
import { basename, join } from 'node:path';
import { loadBundle } from './load.ts';

const [directory = '', ...paths] = process.argv.slice(2);
const bundles = paths.map((path) => loadBundle(path, join(directory, basename(path))));
for (const flag of ['--hash-seed=0', '--flush-bytecode', '--lazy']) setFlagsFromString(flag);
for (const { keepCode } of bundles) keepCode();
