// SPDX-License-Identifier: Apache-2.0
import { run } from '@rkt/command';
import { stop } from '../src/main.ts';
void run(stop, process.argv.slice(2));
