// SPDX-License-Identifier: Apache-2.0
import { run } from '@rkt/command';
import { trust } from '../src/main.ts';
void run(trust, process.argv.slice(2));
