// SPDX-License-Identifier: Apache-2.0
import { run } from '@rkt/command';
import { exportApp } from '../src/main.ts';

void run(exportApp, process.argv.slice(2));
