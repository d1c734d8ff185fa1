// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check';

/** One change of a text: at a place between 0 and 1, so many bytes are replaced by these. */
export interface Mutation {
  readonly place: number;
  readonly removed: number;
  readonly added: Uint8Array;
}

/** Words and bytes at which parsers break. */
const PIECES = [
  '\n',
  ' ',
  '\\',
  '\\040',
  '\\303',
  '\\000',
  '\\12',
  '""',
  '"',
  '#',
  '\n#',
  '0',
  '00',
  '-',
  '-1',
  '|',
  '|0',
  ',',
  ':',
  '.',
  '..',
  '/',
  '../',
  '\0',
  '\t',
  '\r',
  '64',
  '4294967295',
  '4294967296',
  '18446744073709551616',
  'RLIM_INFINITY',
  'AT_FDCWD',
  'MS_BIND',
  'CLONE_NEWNS',
  '0755',
  'ä',
  '\ufeff',
  '0:0:1',
  '\nexec a',
  '\nsupervise 0 - -',
  '\ninit init - -',
  '\nreap',
  '\nclone 0 - - - -',
  '\npipes',
  '\nsetsid',
];

/** One to three changes. */
export const mutations: fc.Arbitrary<readonly Mutation[]> = fc.array(
  fc.record({
    place: fc.double({ min: 0, max: 1, noNaN: true }),
    removed: fc.constantFrom(0, 0, 1, 1, 2, 5),
    added: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...PIECES).map((piece) => new Uint8Array(Buffer.from(piece))) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 2 }) },
    ),
  }),
  { minLength: 1, maxLength: 3 },
);

/** The bytes with the changes made. */
export function mutate(bytes: Buffer, changes: readonly Mutation[]): Buffer {
  return changes.reduce((before, { place, removed, added }) => {
    const at = Math.floor(place * before.length);
    return Buffer.concat([before.subarray(0, at), added, before.subarray(at + removed)]);
  }, bytes);
}
