// SPDX-License-Identifier: Apache-2.0
import { run } from '@rkt/command';
import { verify } from '../src/main.ts';
void run(verify, process.argv.slice(2));
