// SPDX-License-Identifier: Apache-2.0
import { hash, randomBytes } from 'node:crypto';

/** Remembers which paths it has seen, in little memory: sixteen to thirty-two bytes each, whatever their length. */
export interface PathSet {
  /** Adds a path; false if it was there. */
  readonly add: (path: string) => boolean;
}

/**
 * Makes a set of paths, one character for each byte.
 *
 * It keeps 53 bits of a digest that nobody can foresee. Two of a million different paths are taken for one in one of 18000 tars.
 */
export function pathSet(): PathSet {
  const salt = randomBytes(16).toString('latin1');
  // A table of open addressing; zero is a free place.
  let table = new Float64Array(1024);
  let count = 0;

  function add(path: string): boolean {
    if (count * 2 >= table.length) grow();
    const isNew = put(table, keyOf(salt + path));
    if (isNew) count += 1;
    return isNew;
  }

  function grow(): void {
    const larger = new Float64Array(table.length * 2);
    for (const key of table) if (key !== 0) put(larger, key);
    table = larger;
  }

  return { add };
}

function put(table: Float64Array, key: number): boolean {
  let place = key % table.length;
  while (table[place] !== 0) {
    if (table[place] === key) return false;
    place = (place + 1) % table.length;
  }
  table[place] = key;
  return true;
}

function keyOf(text: string): number {
  const digest = hash('sha256', Buffer.from(text, 'latin1'), 'buffer');
  // 53 bits, and never zero.
  return (digest.readUInt32LE(0) & 0x1f_ffff) * 2 ** 32 + digest.readUInt32LE(4) || 1;
}
