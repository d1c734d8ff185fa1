// SPDX-License-Identifier: Apache-2.0
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, Failure } from '@rkt/exit';
import { exists, runStage1, writeScratch } from '@rkt/files';
import { type PodInput } from '@rkt/flavor-ns';
import { type PodApp, type PodOwner } from '@rkt/formats';
import { hexOf, printable } from '@rkt/names';
import { printPlan, type Line } from '@rkt/plan';
import { enterUserNamespace, plain } from '@rkt/rootless';
import { idsInLayer, type OwnedDirectory } from './owned.ts';

/** Makes the upper directory of an app: the root of its overlay has the attributes of this, so it gets those of the image's root. */
export function makeUpper({ dir, pod }: PodInput, { image }: PodApp, path: string): OwnedDirectory {
  mkdirSync(path);
  const top = image.layers.at(-1);
  if (top === undefined) return { path, uid: 0, gid: 0 };
  const layer = join(dir, 'layers', hexOf(top));
  const tree = join(layer, 'tree');
  const { mode, uid, gid } = idsInLayer(tree, pod.owner);
  chmodSync(path, mode & 0o7777);
  // Few images have any, and Node cannot see them: the unpacker left a note.
  if (exists(layer, 'xattrs')) copyXattrs(pod.owner, tree, path);
  return { path, uid, gid };
}

function copyXattrs(owner: PodOwner | undefined, from: string, to: string): void {
  const lines: Line[] = [
    { op: '#', text: 'gives the root of an app the attributes of users that the root of its image has' },
    ...(owner === undefined ? [] : [enterUserNamespace(owner)]),
    { op: 'copy_xattrs', from, to },
  ];
  const plan = `${to}.plan`;
  writeScratch(plan, printPlan(lines));
  const why = runStage1(plan);
  rmSync(plan);
  if (why !== undefined)
    throw new Failure(EXIT.system, `cannot copy the attributes of "${printable(from)}": ${plain(why)}`);
}
