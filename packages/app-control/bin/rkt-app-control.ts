// SPDX-License-Identifier: Apache-2.0
import { run } from '@rkt/command';
import { appControl } from '../src/main.ts';
void run(appControl, process.argv.slice(2));
