// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** What a command in the machine printed and how it ended. */
export interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command in a virtual machine, see README.md. */
export function runInVm(options: readonly string[], command: readonly string[]): Result {
  const { status, stdout, stderr } = spawnSync(join(import.meta.dirname, 'run.sh'), [...options, '--', ...command], {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  return { status, stdout, stderr };
}

/** Why there can be no virtual machine here, or false. */
export function vmIsMissing(): string | false {
  const needed = ['qemu-system-x86_64', 'busybox', 'cpio', 'mke2fs'];
  const missing = needed.filter((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0);
  if (missing.length > 0) return `not installed: ${missing.join(', ')}`;
  const { status, stderr } = spawnSync(join(import.meta.dirname, 'kernel.sh'), { encoding: 'utf8' });
  return status !== 0 && stderr.trim();
}
