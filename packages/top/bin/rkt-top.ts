// SPDX-License-Identifier: Apache-2.0
import { run } from '@rkt/command';
import { top } from '../src/main.ts';

void run(top, process.argv.slice(2));
