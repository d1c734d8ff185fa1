// SPDX-License-Identifier: Apache-2.0
import { run } from '@rkt/command';
import { version } from '../src/main.ts';
void run(version, process.argv.slice(2));
