// SPDX-License-Identifier: Apache-2.0
import { run } from '@rkt/command';
import { update } from '../src/main.ts';
void run(update, process.argv.slice(2));
