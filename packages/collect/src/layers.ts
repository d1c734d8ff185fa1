// SPDX-License-Identifier: Apache-2.0
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { Failure } from '@rkt/exit';
import { exists, namesIn, renameDurably, tryLock } from '@rkt/files';
import { hexOf } from '@rkt/names';
import { listPods, readPod } from '@rkt/pods';
import { removeOwnTree } from '@rkt/rootless';
import { unmountBelow } from './unmount.ts';

const TREE = /^[0-9a-f]{64}$/;
const LEFTOVER = /^\.[0-9a-f]{64}\.[0-9a-f]+\.tmp$/;

/** Which trees of `layers/` may go. */
export interface LayerRules {
  /** True if an image or somebody else wants the tree, which is named by the hexadecimal digits of its chain id. */
  readonly isKept: (name: string) => boolean;
  /** Trees that changed at this time or later stay. */
  readonly beforeMs: number;
}

/**
 * Does something under the lock under which trees are made; false, and nothing is done, if somebody makes trees now.
 *
 * Where there are no trees, there is nothing to do.
 */
export function underLayersLock(dir: string, work: () => void): boolean {
  const layers = join(dir, 'layers');
  if (!exists(layers)) return true;
  using lock = tryLock(layers);
  if (lock === undefined) return false;
  work();
  return true;
}

/** Removes what processes that died left of the trees they were making; the caller holds the lock. Returns the names. */
export function removeLeftovers(dir: string): string[] {
  return namesIn(join(dir, 'layers')).filter((name) => {
    if (!LEFTOVER.test(name)) return false;
    discard(dir, join(dir, 'layers', name));
    return true;
  });
}

/** Removes trees that nobody wants; the caller holds the lock. Returns the names. */
export function removeTrees(dir: string, { isKept, beforeMs }: LayerRules): string[] {
  const layers = join(dir, 'layers');
  const used = treesOfPods(dir);
  return namesIn(layers).filter((name) => {
    const path = join(layers, name);
    if (!TREE.test(name) || used.has(name) || isKept(name) || lastChange(path) >= beforeMs) return false;
    const leftover = join(layers, `.${name}.${randomBytes(6).toString('hex')}.tmp`);
    renameDurably(path, leftover);
    discard(dir, leftover);
    return true;
  });
}

/**
 * The trees that pods stand on, but for garbage.
 *
 * A pod whose manifest cannot be read stands on trees that nobody knows: then none may be removed, and the refusal says so.
 */
function treesOfPods(dir: string): ReadonlySet<string> {
  const pods = listPods(dir, ['embryo', 'prepare', 'prepared', 'run', 'exited-garbage']);
  return new Set(
    pods.flatMap((pod) => {
      try {
        const { apps, volumes } = readPod(pod);
        const images = [...apps, ...volumes].flatMap((each) => ('image' in each ? [each.image] : []));
        return images.flatMap(({ layers }) => layers.map(hexOf));
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        throw new Failure(error.status, `cannot collect layers: ${error.message}`, { cause: error });
      }
    }),
  );
}

/** The time at which a tree was made or last touched; times to come count as now, so that they keep the tree. */
function lastChange(path: string): number {
  const { mtimeMs, ctimeMs } = lstatSync(path);
  return Math.max(mtimeMs, ctimeMs);
}

function discard(dir: string, path: string): void {
  unmountBelow(path);
  removeOwnTree(dir, path);
}
