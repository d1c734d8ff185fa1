// SPDX-License-Identifier: Apache-2.0
import { EXIT, Failure } from '@rkt/exit';
import { printable } from '@rkt/names';

/** The user database of an image: the text of its /etc/passwd and /etc/group, empty if it has none. */
export interface UserDatabase {
  readonly passwd: string;
  readonly group: string;
}

/** The numbers that an app runs as, and the home directory of its user. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly name: string;
  readonly home: string;
}

interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

// The last id that is a user: 2^32-1 says "unchanged" to the kernel.
const LAST_ID = 4294967294;

/**
 * Looks up `USER[:GROUP]` as the OCI image configuration defines it, in the image's own database and without the host's.
 *
 * A part of digits only is a number and never a name. Numbers need no entry; names do.
 */
export function findIdentity(database: UserDatabase, user: string, group: string | undefined): Identity {
  const { uid, entry } = findUser(database, user === '' ? '0' : user);
  const gid = group === undefined || group === '' ? (entry?.gid ?? 0) : findGroup(database, group);
  const supplementary = group === undefined && entry !== undefined ? groupsOf(database, entry.name) : [];
  return {
    uid,
    gid,
    groups: [...new Set(supplementary.filter((id) => id !== gid))],
    name: entry?.name ?? (uid === 0 ? 'root' : String(uid)),
    home: homeOf(entry, uid),
  };
}

/** The user and the group of `USER[:GROUP]`. */
export function splitUser(text: string): { user: string; group: string | undefined } {
  const colon = text.indexOf(':');
  return colon < 0 ? { user: text, group: undefined } : { user: text.slice(0, colon), group: text.slice(colon + 1) };
}

function findUser({ passwd }: UserDatabase, user: string): { uid: number; entry: User | undefined } {
  const number = numberOf(user);
  const users = usersOf(passwd);
  if (number !== undefined) return { uid: number, entry: users.find(({ uid }) => uid === number) };
  const entry = users.find(({ name }) => name === user);
  if (entry !== undefined) return { uid: entry.uid, entry };
  // "root" is 0 in every image, also in one without a database.
  if (user === 'root') return { uid: 0, entry: undefined };
  throw new Failure(EXIT.dataRefused, `cannot find user "${printable(user)}": not in /etc/passwd of the image`);
}

function findGroup({ group: text }: UserDatabase, group: string): number {
  const number = numberOf(group);
  if (number !== undefined) return number;
  const fields = entriesOf(text).find(([name]) => name === group);
  const gid = numberOf(fields?.[2] ?? '');
  if (gid !== undefined) return gid;
  if (group === 'root') return 0;
  throw new Failure(EXIT.dataRefused, `cannot find group "${printable(group)}": not in /etc/group of the image`);
}

function groupsOf({ group }: UserDatabase, user: string): number[] {
  return entriesOf(group).flatMap(([, , gid = '', members = '']) => {
    const number = numberOf(gid);
    return number !== undefined && members.split(',').includes(user) ? [number] : [];
  });
}

function usersOf(passwd: string): User[] {
  return entriesOf(passwd).flatMap(([name = '', , uid = '', gid = '', , home = '']) => {
    const numbers = [numberOf(uid), numberOf(gid)];
    const [u, g] = numbers;
    return u === undefined || g === undefined || name === '' ? [] : [{ name, uid: u, gid: g, home }];
  });
}

function entriesOf(text: string): string[][] {
  return text.split('\n').map((line) => line.split(':'));
}

/** A number of an id, or undefined for a name. Digits that are no id are refused, not looked up as a name. */
function numberOf(text: string): number | undefined {
  if (!/^\d+$/.test(text)) return undefined;
  const id = Number(text);
  if (id <= LAST_ID) return id;
  throw new Failure(EXIT.dataRefused, `cannot use id "${printable(text)}": wanted 0 to ${LAST_ID}`);
}

// A home directory becomes an environment variable: one that is no plain path is not worth the risk.
function homeOf(entry: User | undefined, uid: number): string {
  const home = entry?.home ?? '';
  if (home.startsWith('/') && !/[\u0000-\u001f]/.test(home)) return home;
  return uid === 0 ? '/root' : '/';
}
