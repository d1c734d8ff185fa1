// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import assert from 'node:assert/strict';
import type { Op } from '@rkt/plan';

/** Does what stage1 does for the operations of cgroups, but for descriptors. */
export function execute(ops: readonly Op[]): void {
  for (const op of ops) {
    if (op.op === 'mkdir') mkdirSync(op.path, { recursive: true, mode: op.mode });
    else if (op.op === 'write') writeFileSync(op.path, op.text, { flag: 'r+' });
    else if (op.op === 'open') assert.ok(statSync(op.path).isDirectory());
    else throw new Error(`unexpected operation ${op.op}`);
  }
}

/** The same as words of a shell, which does it for itself. */
export function shellOf(ops: readonly Op[]): string {
  return ops
    .map((op) => {
      if (op.op !== 'write') throw new Error(`unexpected operation ${op.op}`);
      return `echo '${op.text}' > '${op.path}' || exit 99; `;
    })
    .join('');
}
