// SPDX-License-Identifier: Apache-2.0
// Where the bench works: a file system of its own, so that neither the age nor the kind of the machine's own matters.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory on a fresh ext4; `using` unmounts and removes it. */
export interface Workplace extends Disposable {
  readonly path: string;
  /** What it lies on, for the report. */
  readonly kind: string;
}

const SIZE_BYTES = 4 * 1024 ** 3;

/** Makes an ext4 in a sparse file and mounts it; a plain directory where that is not allowed. */
export function makeWorkplace(): Workplace {
  const outer = mkdtempSync(join(tmpdir(), 'rkt-bench-'));
  const image = join(outer, 'ext4');
  const path = join(outer, 'mnt');
  mkdirSync(path);
  chmodSync(outer, 0o755);
  const remove = () => {
    rmSync(outer, { recursive: true, force: true });
  };
  try {
    writeFileSync(image, '');
    truncateSync(image, SIZE_BYTES);
    execFileSync('mkfs.ext4', ['-q', '-F', image], { stdio: 'pipe' });
    execFileSync('mount', ['-o', 'loop', image, path], { stdio: 'pipe' });
  } catch {
    return { path, kind: 'a directory', [Symbol.dispose]: remove };
  }
  return {
    path,
    kind: 'a fresh ext4 on a loop device',
    [Symbol.dispose]: () => {
      execFileSync('umount', ['--recursive', path]);
      remove();
    },
  };
}

const V2_ONLY = 'umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"';

/**
 * Starts this program once more where /sys/fs/cgroup is version 2 alone, as Debian has it, and returns its status;
 * undefined if it is so already. Not every peer runs on a machine that has both versions.
 */
export function rerunOnCgroup2(): number | undefined {
  if (existsSync('/sys/fs/cgroup/cgroup.controllers')) return undefined;
  const self = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const { status } = spawnSync('unshare', ['--mount', '--propagation=private', 'sh', '-c', V2_ONLY, 'sh', ...self], {
    stdio: 'inherit',
  });
  return status ?? 71;
}
