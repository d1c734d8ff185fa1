// SPDX-License-Identifier: Apache-2.0
import { run } from '@rkt/command';
import { logs } from '../src/main.ts';
void run(logs, process.argv.slice(2));
