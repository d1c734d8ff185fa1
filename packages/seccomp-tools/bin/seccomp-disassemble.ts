#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import { seccompDisassemble } from '../src/seccomp-disassemble.ts';
process.exitCode = seccompDisassemble(process.argv.slice(2));
