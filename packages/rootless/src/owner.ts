// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { hasCode } from '@rkt/exit';
import { type PodOwner } from '@rkt/formats';
import { type IdMapping } from '@rkt/plan';
import { proposedLine, subordinateRanges, type Range, type Subject } from './subordinate.ts';

// The kernel takes 340 extents; one is the user itself.
const RANGES = 339;

/** The user who calls, if that is not root, and how its ids are mapped. */
export interface Caller {
  readonly owner: PodOwner;
  /** Why the owner has no ids but its own, and how to get some; undefined if there are ranges. */
  readonly withoutRanges: string | undefined;
}

/** What the map of a user is made from. */
export interface CallerInput {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** The texts of /etc/subuid and /etc/subgid. */
  readonly subuid: string;
  readonly subgid: string;
}

/** The calling user with the ranges that this machine gives; undefined for root. */
export function caller(): Caller | undefined {
  const { uid, gid } = ids();
  if (uid === 0) return undefined;
  return callerOf({ name: nameOf(uid), uid, gid, subuid: textOf('/etc/subuid'), subgid: textOf('/etc/subgid') });
}

/**
 * The map of a user: id 0 is the user, those from 1 on are its subordinate ids, in the order of the files.
 *
 * There are as many users as groups. Without ranges in both files there is the user alone.
 */
export function callerOf({ name, uid, gid, subuid, subgid }: CallerInput): Caller {
  const subject: Subject = { name, uid };
  const users = subordinateRanges(subuid, subject).slice(0, RANGES);
  const groups = subordinateRanges(subgid, subject).slice(0, RANGES);
  const count = Math.min(total(users), total(groups));
  const owner = { uid, gid, uidMap: mapOf(uid, users, count), gidMap: mapOf(gid, groups, count) };
  if (count > 0) return { owner, withoutRanges: undefined };
  const files = [...(users.length === 0 ? ['/etc/subuid'] : []), ...(groups.length === 0 ? ['/etc/subgid'] : [])];
  const line = proposedLine(`${subuid}\n${subgid}`, subject);
  const wanted = line === undefined ? 'a line' : `a line "${line}"`;
  return { owner, withoutRanges: `"${name}" has no line in ${files.join(' and ')}: wanted ${wanted} there` };
}

/** True if the owner has no ids but its own: then all of its pods are itself, and none can change its groups. */
export function isAlone({ uidMap }: PodOwner): boolean {
  return uidMap.length === 1;
}

function mapOf(own: number, ranges: readonly Range[], most: number): IdMapping[] {
  const map: IdMapping[] = [{ inside: 0, outside: own, count: 1 }];
  let inside = 1;
  for (const { first, count } of ranges) {
    const taken = Math.min(count, most + 1 - inside);
    if (taken > 0) map.push({ inside, outside: first, count: taken });
    inside += taken;
  }
  return map;
}

function total(ranges: readonly Range[]): number {
  return ranges.reduce((sum, { count }) => sum + count, 0);
}

function ids(): { uid: number; gid: number } {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
}

/** The name by which the system knows the user, also one that is in no file of this machine. */
function nameOf(uid: number): string {
  try {
    return userInfo().username;
  } catch (error) {
    if (hasCode(error, 'ERR_SYSTEM_ERROR')) return String(uid);
    throw error;
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'EACCES')) return '';
    throw error;
  }
}
