// SPDX-License-Identifier: Apache-2.0
import { run } from '@rkt/command';
import { gc } from '../src/main.ts';
void run(gc, process.argv.slice(2));
