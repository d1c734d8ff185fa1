// SPDX-License-Identifier: Apache-2.0
import { run } from '@rkt/command';
import { status } from '../src/main.ts';
void run(status, process.argv.slice(2));
