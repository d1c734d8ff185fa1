// SPDX-License-Identifier: Apache-2.0
import { run } from '@rkt/command';
import { rm } from '../src/main.ts';
void run(rm, process.argv.slice(2));
