// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check';
import {
  flagSets,
  isOp,
  operations,
  type ArgumentKind,
  type Comment,
  type Op,
  type OperationName,
} from '../src/index.ts';

/** Any text that a plan can hold, with a liking for what needs escapes. */
const text = fc.string({
  unit: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('a', '/', '.', '"', '0', '-', '|', '#', ':', ',') },
    { weight: 2, arbitrary: fc.constantFrom(' ', '\n', '\t', '\\', '\u007f', '\u0001', '\r') },
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }).filter((c) => !c.includes('\0') && c.isWellFormed()),
  ),
  maxLength: 12,
});

const uint32 = (most: number): fc.Arbitrary<number> =>
  fc.oneof(fc.constantFrom(0, 1, most), fc.integer({ min: 0, max: most }));
const id = uint32(0xffff_fffe);
const fd = fc.integer({ min: 0, max: 63 });

const kinds: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  fd,
  dirfd: fc.oneof(fd, fc.constant('AT_FDCWD')),
  'fd?': fc.oneof(fd, fc.constant(null)),
  path: text.filter((value) => value !== ''),
  file: text.filter((value) => !['', '.', '..'].includes(value) && !value.includes('/')),
  text,
  strings: fc.array(text, { maxLength: 5 }),
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uint: uint32(0xffff_ffff),
  limit: fc.oneof(fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }), fc.constant('RLIM_INFINITY')),
  id,
  ids: fc.array(id, { maxLength: 5 }),
  idmap: fc.array(
    fc.record({ inside: id, outside: id, count: fc.integer({ min: 1, max: 0xffff_ffff }) }, { noNullPrototype: true }),
    {
      maxLength: 3,
    },
  ),
};

function argument(kind: ArgumentKind): fc.Arbitrary<unknown> {
  const [form = '', set = ''] = kind.split(':');
  const names = new Map<string, readonly string[]>(Object.entries(flagSets)).get(set) ?? [];
  if (form === 'flags') return fc.subarray([...names]);
  if (form === 'one') return fc.constantFrom(...names);
  return kinds[form] ?? fc.constant(undefined);
}

/** Any operation of this name. */
export function opNamed(name: OperationName): fc.Arbitrary<Op> {
  const entries = operations[name].args.map(([arg, kind]) => [arg, argument(kind)] as const);
  return fc
    .record({ op: fc.constant(name), ...Object.fromEntries(entries) }, { noNullPrototype: true })
    .filter((value) => isOp(value));
}

/** The names of all operations. */
export const names = Object.keys(operations).filter((name): name is OperationName => name in operations);

/** Any operation. */
export const anyOp: fc.Arbitrary<Op> = fc.oneof(...names.map(opNamed));

/** Any comment. */
export const anyComment: fc.Arbitrary<Comment> = text
  .map((value) => value.replaceAll(/[\u0001-\u0009\u000b-\u001f\u007f]/g, ' '))
  .map((value) => ({ op: '#', text: value }));
