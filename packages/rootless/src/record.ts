// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { EXIT, Failure } from '@rkt/exit';
import { readRegular, writeDurably } from '@rkt/files';
import { type PodOwner } from '@rkt/formats';
import { parsePlan, printOp, printPlan } from '@rkt/plan';
import { caller } from './owner.ts';
import { enterUserNamespace } from './maps.ts';

const LIMIT_BYTES = 65_536;

/** The file that says with which ids the layers and pods of a directory were made; root's directories have none. */
function recordOf(dir: string): string {
  return join(dir, 'ids.plan');
}

/** The maps with which the files of the directory were made; undefined if none were, or if they are root's. */
export function readOwner(dir: string): PodOwner | undefined {
  const path = recordOf(dir);
  const text = readRegular(path, LIMIT_BYTES);
  if (text === undefined) return undefined;
  const [op, more] = parsePlan(text, path);
  if (op?.op !== 'unshare_user' || more !== undefined) {
    throw new Failure(EXIT.dataRefused, `cannot read "${path}": wanted one operation, unshare_user`);
  }
  const own = (map: typeof op.uid_map) => map.find(({ inside }) => inside === 0)?.outside ?? 0;
  return { uid: own(op.uid_map), gid: own(op.gid_map), uidMap: [...op.uid_map], gidMap: [...op.gid_map] };
}

/** Writes down with which ids the files of the directory are made from now on. */
export function writeOwner(dir: string, owner: PodOwner): void {
  const text = `how the ids of the files here came about, and what every plan that touches them begins with`;
  writeDurably(recordOf(dir), printPlan([{ op: '#', text }, enterUserNamespace(owner)]), 0o600);
}

/** True if both have the same ids. */
export function isSameOwner(one: PodOwner, other: PodOwner): boolean {
  return lineOf(one) === lineOf(other);
}

/** The user whose ids the files of the directory have: as it is written down, or as it is now; undefined for root. */
export function ownerOf(dir: string): PodOwner | undefined {
  return process.geteuid?.() === 0 ? undefined : (readOwner(dir) ?? caller()?.owner);
}

function lineOf({ uidMap, gidMap }: PodOwner): string {
  return printOp({ op: 'unshare_user', uid_map: uidMap, gid_map: gidMap });
}
