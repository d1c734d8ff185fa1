// SPDX-License-Identifier: Apache-2.0
import { run } from '@rkt/command';
import { catPlan } from '../src/main.ts';
void run(catPlan, process.argv.slice(2));
