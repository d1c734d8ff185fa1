// SPDX-License-Identifier: Apache-2.0
import { run } from '@rkt/command';
import { fetch } from '../src/main.ts';
void run(fetch, process.argv.slice(2));
