// SPDX-License-Identifier: Apache-2.0
import { run } from '@rkt/command';
import { list } from '../src/main.ts';
void run(list, process.argv.slice(2));
