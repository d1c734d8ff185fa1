// SPDX-License-Identifier: Apache-2.0
import { run } from '@rkt/command';
import { enter } from '../src/main.ts';

void run(enter, process.argv.slice(2));
