// SPDX-License-Identifier: Apache-2.0
import { watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import { hasCode } from '@rkt/exit';

// A log announces itself through the watch; that the pod has ended, or moved, does not.
const LOOK_EVERY_MS = 100;

/** The changes of the logs of some apps; directories are watched by their inodes and so through every move of the pod. */
export class Changes implements Disposable {
  readonly #watchers: FSWatcher[] = [];
  #wake: () => void = () => {};
  #isChanged = false;

  constructor(podPath: string, apps: readonly string[]) {
    for (const app of apps) this.#watch(join(podPath, 'apps', app));
  }

  #watch(path: string): void {
    try {
      const watcher = watch(path, () => {
        this.#isChanged = true;
        this.#wake();
      });
      // A watch that breaks leaves the looks.
      watcher.on('error', () => {});
      this.#watchers.push(watcher);
    } catch (error) {
      // The pod has moved, or all watches of the user are taken: then the looks must do.
      if (!hasCode(error, 'ENOENT', 'ENOSPC', 'EMFILE')) throw error;
    }
  }

  /** Resolves at the next change since the last call, or after a while. */
  async next(): Promise<void> {
    await new Promise<void>((resolve) => {
      if (this.#isChanged) return void setImmediate(resolve);
      const timer = setTimeout(resolve, LOOK_EVERY_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#isChanged = false;
  }

  [Symbol.dispose](): void {
    for (const watcher of this.#watchers) watcher.close();
  }
}
