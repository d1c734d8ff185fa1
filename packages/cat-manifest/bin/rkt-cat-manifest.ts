// SPDX-License-Identifier: Apache-2.0
import { run } from '@rkt/command';
import { catManifest } from '../src/main.ts';
void run(catManifest, process.argv.slice(2));
