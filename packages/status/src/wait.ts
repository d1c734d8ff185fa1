// SPDX-License-Identifier: Apache-2.0
import { watch, type FSWatcher } from 'node:fs';
import { EXIT, Failure, hasCode } from '@rkt/exit';
import { lockedFiles } from '@rkt/files';
import { parseDuration, printDuration } from '@rkt/human';
import { inspectPod, type PodView } from '@rkt/inspect';
import type { Pod, State } from '@rkt/pods';

// The status files announce themselves through the watch. That the lock has been let go does not: nobody writes
// anything when a pod is killed together with its parent. Hence the look at the lock now and then.
const LOOK_EVERY_MS = 100;

const ENDED: readonly State[] = [
  'exited',
  'exited deleting',
  'exited garbage',
  'deleting',
  'garbage',
  'aborted prepare',
];

/** The milliseconds of `--wait` and `--wait-ready`: 0 not at all, Infinity for ever (`true`, or a negative duration). */
export function parseWait(text: string | undefined, option: string): number {
  if (text === undefined || text === 'false') return 0;
  if (text === 'true') return Infinity;
  const ms = parseDuration(text, option);
  return ms < 0 ? Infinity : ms;
}

/** True if nothing of the pod runs any more, or ever will. */
export function hasEnded({ state }: PodView): boolean {
  return ENDED.includes(state);
}

/** True if all apps have been started, or never will be. */
export function isReady(view: PodView): boolean {
  return (view.state === 'running' && view.status.readyMs !== undefined) || hasEnded(view);
}

/** The pod as it is now, or a refusal if it has gone. */
export function look(dir: string, pod: Pod): PodView {
  const view = inspectPod(dir, pod, lockedFiles());
  if (view === undefined) throw new Failure(EXIT.notFound, `cannot find pod "${pod.uuid}": it is gone`);
  return view;
}

/** What to wait for, and for how long at most. */
export interface Wait {
  readonly dir: string;
  readonly pod: Pod;
  readonly isMet: (view: PodView) => boolean;
  /** What the pod is when the condition is met, for the message. */
  readonly what: string;
  readonly timeoutMs: number;
}

/** Waits until the pod meets the condition, or refuses with status 1 when the time is over. */
export async function waitUntil({ dir, pod, isMet, what, timeoutMs }: Wait): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  using events = new Events(pod.path);
  while (!isMet(look(dir, pod))) {
    const left = deadline - performance.now();
    if (left <= 0) {
      throw new Failure(
        EXIT.no,
        `cannot wait for pod "${pod.uuid}": it has not ${what} within ${printDuration(timeoutMs)}`,
      );
    }
    await events.next(Math.min(left, LOOK_EVERY_MS));
  }
}

/** The changes of a pod's directory; it is watched by its inode and so through every move. */
class Events implements Disposable {
  readonly #watcher: FSWatcher | undefined;
  #wake: () => void = () => {};

  constructor(path: string) {
    try {
      this.#watcher = watch(path, () => this.#wake());
      // A watch that breaks leaves the looks at the lock.
      this.#watcher.on('error', () => {});
    } catch (error) {
      // The pod has moved, or all watches of the user are taken: then the looks must do.
      if (!hasCode(error, 'ENOENT', 'ENOSPC', 'EMFILE')) throw error;
    }
  }

  /** Resolves at the next change, or after the given time. */
  async next(timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  [Symbol.dispose](): void {
    this.#watcher?.close();
  }
}
