// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, Failure } from '@rkt/exit';
import { runStage1, mountsBelow, writeScratch } from '@rkt/files';
import { printable } from '@rkt/names';
import { printPlan, type Line } from '@rkt/plan';

/** What a reboot may forget: the place for plans that are executed at once. */
const SCRATCH = '/run/rkt';

/**
 * Detaches every mount at and below the path; what was mounted there keeps its content.
 *
 * Busy mounts vanish from the tree at once and end with their last user.
 */
export function unmountBelow(path: string): void {
  const real = realpathSync(path);
  const mounts = mountsBelow(real);
  if (mounts.length === 0) return;
  const name = printable(path);
  if (process.geteuid?.() !== 0) {
    throw new Failure(EXIT.notPermitted, `cannot unmount below "${name}": not root: wanted sudo`);
  }
  const message = execute(
    topmost(mounts).map((target): Line => ({ op: 'umount2', target, flags: ['MNT_DETACH', 'UMOUNT_NOFOLLOW'] })),
  );
  if (message !== undefined) throw new Failure(EXIT.system, `cannot unmount below "${name}": ${message}`);
}

/**
 * The mounts that lie below no other. A mount takes those below it along when it is detached, even where one that was
 * mounted over it hides them, so that no path leads there. A point with several mounts is there once for each.
 */
function topmost(mounts: readonly string[]): string[] {
  return mounts.filter((point) => !mounts.some((other) => point.startsWith(`${other}/`)));
}

/** Executes a plan of its own; what stage1 says if it fails. */
function execute(lines: readonly Line[]): string | undefined {
  mkdirSync(SCRATCH, { recursive: true, mode: 0o755 });
  const scratch = mkdtempSync(join(SCRATCH, 'unmount-'));
  try {
    const plan = join(scratch, 'plan');
    writeScratch(plan, printPlan(lines));
    const problem = runStage1(plan);
    return problem === undefined ? undefined : printable(problem);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
