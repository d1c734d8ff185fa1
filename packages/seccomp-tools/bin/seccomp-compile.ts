#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import { seccompCompile } from '../src/seccomp-compile.ts';
process.exitCode = seccompCompile(process.argv.slice(2));
