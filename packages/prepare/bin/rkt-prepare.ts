// SPDX-License-Identifier: Apache-2.0
import { run } from '@rkt/command';
import { prepare } from '../src/main.ts';

void run(prepare, process.argv.slice(2));
