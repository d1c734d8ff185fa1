// SPDX-License-Identifier: Apache-2.0
import { run } from '@rkt/command';
import { attach } from '../src/main.ts';
void run(attach, process.argv.slice(2));
