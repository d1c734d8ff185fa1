// SPDX-License-Identifier: Apache-2.0
import { run } from '@rkt/command';
import { pause } from '../src/main.ts';
void run(pause, process.argv.slice(2));
