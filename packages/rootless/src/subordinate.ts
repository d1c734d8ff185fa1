// SPDX-License-Identifier: Apache-2.0
import { printable } from '@rkt/names';

/** A range of ids of the host. */
export interface Range {
  readonly first: number;
  readonly count: number;
}

/** Whose ids are looked for: /etc/subuid knows users by name or by number, and so does /etc/subgid. */
export interface Subject {
  readonly name: string;
  readonly uid: number;
}

// The last id is 2^32-2: 2^32-1 says "unchanged" to the kernel.
const IDS = 4294967295;
const FIRST_GIVEN = 100_000;
const WANTED = 65_536;

/** The ranges that the text of /etc/subuid or /etc/subgid gives to the user, in its order; what is no range is nobody's. */
export function subordinateRanges(text: string, { name, uid }: Subject): Range[] {
  return entriesOf(text).flatMap(({ owner, range }) => (owner === name || owner === String(uid) ? [range] : []));
}

/** A line for /etc/subuid that gives the user ids that no other line gives; undefined if there are none left. */
export function proposedLine(text: string, { name }: Subject): string | undefined {
  const first = Math.max(FIRST_GIVEN, ...entriesOf(text).map(({ range }) => range.first + range.count));
  return first + WANTED <= IDS ? `${printable(name)}:${first}:${WANTED}` : undefined;
}

function entriesOf(text: string): { owner: string; range: Range }[] {
  return text.split('\n').flatMap((line) => {
    const match = /^([^:]+):(\d{1,10}):(\d{1,10})$/.exec(line);
    const [first, count] = [Number(match?.[2]), Number(match?.[3])];
    return match?.[1] !== undefined && count > 0 && first + count <= IDS
      ? [{ owner: match[1], range: { first, count } }]
      : [];
  });
}
