// SPDX-License-Identifier: Apache-2.0
import { lstatSync } from 'node:fs';
import { claim } from '@rkt/collect';
import { describe, EXIT, Failure, hasCode } from '@rkt/exit';
import { listPods, type Phase, type Pod } from '@rkt/pods';

/** What a run of the collector knows. */
export interface GarbageRules {
  readonly dir: string;
  readonly graceMs: number;
  readonly expireMs: number;
  readonly now: () => number;
  readonly print: (line: string) => void;
  readonly note: (message: string) => void;
  /** What went wrong with single pods; the others are collected all the same. */
  readonly failures: Failure[];
}

/**
 * Does something with each pod of a phase that nobody uses, holding its lock; the others are passed over in silence.
 *
 * What fails is noted, and the next pod is looked at.
 */
export async function forEachUnused(
  rules: GarbageRules,
  phase: Phase,
  work: (pod: Pod) => void | Promise<void>,
): Promise<void> {
  for (const pod of listPods(rules.dir, [phase])) {
    try {
      using lock = claim(pod);
      if (lock !== undefined) await work(pod);
    } catch (error) {
      const failure = failureOf(pod, error);
      rules.failures.push(failure);
      rules.note(failure.message);
    }
  }
}

/**
 * True if the directory of a pod was moved where it lies at least this long ago: a rename changes the time of its inode.
 *
 * A time to come, from a clock that was set back, tells nothing: such a pod is as good as new.
 */
export function isOlder({ path }: Pod, ageMs: number, now: () => number): boolean {
  return ageMs <= 0 || now() - lstatSync(path).ctimeMs >= ageMs;
}

function failureOf({ uuid }: Pod, error: unknown): Failure {
  if (error instanceof Failure) return error;
  // A file that cannot be removed must not keep the others; a bug must.
  const described = describe(error);
  if (described === undefined) throw error;
  const status = hasCode(error, 'EACCES', 'EPERM') ? EXIT.notPermitted : EXIT.system;
  return new Failure(status, `cannot collect pod "${uuid}": ${described}`, { cause: error });
}
