// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { removeLeftovers, removeTrees } from '@rkt/collect';
import { type Context } from '@rkt/command';
import { EXIT, Failure } from '@rkt/exit';
import { lock } from '@rkt/files';
import { type PodOwner } from '@rkt/formats';
import { listPods, PHASES } from '@rkt/pods';
import { caller, executeAs, isSameOwner, readOwner, writeOwner, type Caller } from '@rkt/rootless';

/**
 * The calling user, whose ids the files of the directory get from now on; undefined for root.
 *
 * Layers that were made with other ids are removed, since they can be made again; pods cannot, so they are in the way.
 */
export async function settleOwner({ dir }: Context): Promise<Caller | undefined> {
  const found = caller();
  if (found !== undefined) requireOwn(dir, found.owner);
  const recorded = readOwner(dir);
  if (found === undefined) {
    if (recorded !== undefined) throw foreign(dir, recorded);
    return undefined;
  }
  if (recorded === undefined || !isSameOwner(recorded, found.owner)) await change(dir, found.owner);
  return found;
}

function requireOwn(dir: string, { uid }: PodOwner): void {
  const status = statSync(dir, { throwIfNoEntry: false });
  if (status === undefined || status.uid === uid) return;
  throw new Failure(
    EXIT.notPermitted,
    `cannot prepare a pod in "${dir}": it is not yours: wanted sudo, or another --dir`,
  );
}

async function change(dir: string, owner: PodOwner): Promise<void> {
  const layers = join(dir, 'layers');
  mkdirSync(layers, { recursive: true, mode: 0o700 });
  using _held = await lock(layers);
  const recorded = readOwner(dir);
  if (recorded !== undefined && !isSameOwner(recorded, owner)) forgetLayers(dir, recorded);
  writeOwner(dir, owner);
}

function forgetLayers(dir: string, recorded: PodOwner): void {
  const [pod] = listPods(dir, PHASES);
  if (pod !== undefined) {
    throw changed(dir, `pod "${pod.uuid}" has other user ids than /etc/subuid gives you now: wanted rkt gc`);
  }
  const why = executeAs(recorded, { text: 'tries ids', plan: join(dir, 'layers', '.ids.plan'), lines: [] });
  if (why !== undefined) throw changed(dir, `its layers have other user ids than /etc/subuid gives you now: ${why}`);
  removeLeftovers(dir);
  removeTrees(dir, { isKept: () => false, beforeMs: Infinity });
}

function changed(dir: string, why: string): Failure {
  return new Failure(EXIT.configuration, `cannot prepare a pod in "${dir}": ${why}`);
}

function foreign(dir: string, { uid }: PodOwner): Failure {
  return new Failure(EXIT.notPermitted, `cannot prepare a pod in "${dir}": its layers have the user ids of uid ${uid}`);
}
