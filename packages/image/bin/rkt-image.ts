// SPDX-License-Identifier: Apache-2.0
import { start } from '../src/main.ts';

void start(process.argv.slice(2));
