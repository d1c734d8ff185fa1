// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { collect } from './collect.ts';
import { entry, pax, tar } from './tar-writer.ts';
import { applyStream, Refused, type Tree } from './tree-model.ts';

const ROOT = 'tree 1\ndir . 0755 0 0 5 6\n';

/** The model's tree after the streams, or undefined if it refuses the last one. */
export function modelOf(...streams: readonly Buffer[]): Tree | undefined {
  const tree: Tree = new Map([['.', { type: 'dir', attributes: '', content: '', xattrs: new Map() }]]);
  try {
    for (const stream of streams) applyStream(tree, stream);
    return tree;
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}

const name = fc.constantFrom('a', 'b', 'c');
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const attributes = fc.record({
  mode: fc.constantFrom(0o644, 0o755, 0o4755, 0o2775, 0o1777, 0),
  uid: fc.constantFrom(0, 1, 100_000),
  gid: fc.constantFrom(0, 2),
  mtime: fc.integer({ min: 0, max: 2 ** 31 }),
});
const xattrs = fc.constantFrom<readonly Buffer[]>(
  [],
  [pax([['SCHILY.xattr.user.x', 'y']])],
  [pax([['SCHILY.xattr.user.z', '']])],
);

/** An entry of a layer; names collide often. */
const anyEntry: fc.Arbitrary<Buffer> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(path, attributes, xattrs, fc.constantFrom('', 'x', 'y'.repeat(70)))
      .map(([p, a, x, data]) => Buffer.concat([...x, entry({ name: p, data, ...a })])),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(path, attributes, xattrs)
      .map(([p, a, x]) => Buffer.concat([...x, entry({ name: `${p}/`, type: '5', ...a })])),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(path, attributes, fc.constantFrom('a', '../b', '/c', '.'))
      .map(([p, a, linkname]) => entry({ name: p, type: '2', linkname, ...a })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(path, path)
      .filter(([p, o]) => p !== o)
      .map(([p, linkname]) => entry({ name: p, type: '1', linkname })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(path, attributes).map(([p, a]) => entry({ name: p, type: '6', ...a, mode: a.mode & 0o777 })),
  },
  { weight: 3, arbitrary: path.map((p) => entry({ name: p.replace(/[^/]*$/, '.wh.$&') })) },
  { weight: 1, arbitrary: path.map((p) => entry({ name: `${p}/.wh..wh..opq` })) },
  { weight: 1, arbitrary: fc.constant(entry({ name: '.wh..wh..opq' })) },
);

/** A layer of a few entries. */
export const anyLayer = fc.array(anyEntry, { maxLength: 12 }).map((parts) => tar(...parts));

/** Streams of pairs of layers of which the first one can be unpacked. */
export async function pairsOfStreams(count: number): Promise<[Buffer, Buffer][]> {
  const pairs: [Buffer, Buffer][] = [];
  const layers = fc.sample(fc.tuple(anyLayer, anyLayer), {
    numRuns: count * 3,
    seed: Number(process.env['FC_SEED'] ?? 7),
  });
  for (const [first, second] of layers) {
    const lower = Buffer.from(
      (await collect(first)).stream
        .toString('latin1')
        .replace('tree 1\n', ROOT)
        .replace(/end (\d+)\n$/, (_, n) => `end ${Number(n) + 1}\n`),
      'latin1',
    );
    const { stream } = await collect(second);
    if (modelOf(lower) !== undefined && pairs.length < count) pairs.push([lower, stream]);
  }
  assert.equal(pairs.length, count);
  return pairs;
}
