// SPDX-License-Identifier: Apache-2.0
import { run } from '@rkt/command';
import { resume } from '../src/main.ts';
void run(resume, process.argv.slice(2));
