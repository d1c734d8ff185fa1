// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Failure } from '@rkt/exit';
import { collect } from './collect.ts';
import { describeDisk, describeTree, listTrees, scratch, skip, treeBesideCanary, unpack } from './disk.ts';
import { hostile } from './hostile.ts';
import { entry, pax, tar } from './tar-writer.ts';
import { applyStream, Refused, type Tree } from './tree-model.ts';

const ROOT = 'tree 1\ndir . 0755 0 0 5 6\n';

/** The model's tree after the streams, or undefined if it refuses the last one. */
function modelOf(...streams: readonly Buffer[]): Tree | undefined {
  const tree: Tree = new Map([['.', { type: 'dir', attributes: '', content: '', xattrs: new Map() }]]);
  try {
    for (const stream of streams) applyStream(tree, stream);
    return tree;
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}

test('unpack leaves what is outside of the tree alone, whatever the layer', { skip }, async () => {
  using directory = scratch();
  const cases = hostile.filter(({ stoppedBy }) => stoppedBy !== 'reader');
  const places = cases.map((_, index) => treeBesideCanary(join(directory.path, String(index))));
  const canaries = places.map(({ canary }) => canary);
  const before = listTrees(canaries);
  const trees: (Tree | undefined)[] = [];
  for (const [index, { name: what, layer, stoppedBy }] of cases.entries()) {
    const { stream } = await collect(layer);
    const { status } = unpack(places[index]?.root ?? '', stream);
    assert.equal(status, stoppedBy === 'writer' ? 65 : 0, what);
    trees.push(modelOf(stream));
  }
  assert.deepEqual(listTrees(canaries), before);
  for (const [index, nodes] of listTrees(places.map(({ root }) => root)).entries()) {
    const tree = trees[index];
    const what = cases[index]?.name;
    assert.equal(tree === undefined, cases[index]?.stoppedBy === 'writer', what);
    if (tree !== undefined) assert.deepEqual(withoutRoot(describeDisk(nodes)), withoutRoot(describeTree(tree)), what);
  }
});

function withoutRoot(lines: readonly string[]): string[] {
  return lines.filter((line) => !line.startsWith('[".",'));
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

const anyLayer = fc.array(anyEntry, { maxLength: 12 }).map((parts) => tar(...parts));

/** Streams of pairs of layers of which the first one can be unpacked. */
async function pairsOfStreams(count: number): Promise<[Buffer, Buffer][]> {
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

test('unpack does to a tree what the model does, for arbitrary layers', { skip }, async () => {
  using directory = scratch();
  const pairs = await pairsOfStreams(Number(process.env['FC_RUNS'] ?? 300));
  const done: { root: string; tree: Tree }[] = [];
  let refused = 0;
  for (const [index, [lower, upper]] of pairs.entries()) {
    const root = join(directory.path, String(index));
    mkdirSync(root);
    assert.equal(unpack(root, lower).status, 0);
    const { status, stderr } = unpack(root, upper);
    const tree = modelOf(lower, upper);
    assert.equal(
      status,
      tree === undefined ? 65 : 0,
      `${stderr}${lower.toString('latin1')}${upper.toString('latin1')}`,
    );
    if (tree !== undefined) done.push({ root, tree });
    else refused += 1;
  }
  assert.ok(refused > 0 && done.length > pairs.length / 2, `${refused} of ${pairs.length} are refused`);
  const trees = listTrees(done.map(({ root }) => root));
  for (const [index, { root, tree }] of done.entries()) {
    const [lower, upper] = pairs[Number(root.split('/').at(-1))] ?? [];
    assert.deepEqual(
      describeDisk(trees[index] ?? []),
      describeTree(tree),
      `${lower?.toString('latin1')}${upper?.toString('latin1')}`,
    );
  }
});

test('unpack refuses malformed streams', { skip }, () => {
  using directory = scratch();
  const wrong = [
    '',
    'tree 1\n',
    'tree 2\nend 0\n',
    'tree 1\nend 1\n',
    'tree 1\nend 0',
    'tree 1\nend 0\n\n',
    'tree 1\nend 0\nend 0\n',
    'tree 1\n\nend 0\n',
    'end 0\n',
    ...[
      'file a 0644 0 0 0 0',
      'file a 0644 0 0 0 0 0 0',
      'file a 644 0 0 0 0 0',
      'file a 0644 -1 0 0 0 0',
      'file a 0644 00 0 0 0 0',
      'file a 0644 4294967295 0 0 0 0',
      'file a 0644 0 0 0 1000000000 0',
      'file a 0644 0 0 9007199254740992 0 0',
      'file a 0644 0 0 0 0 9007199254740992',
      'file a  0644 0 0 0 0 0',
      'file "" 0644 0 0 0 0 0',
      'file . 0644 0 0 0 0 0',
      'file .. 0644 0 0 0 0 0',
      'file ../a 0644 0 0 0 0 0',
      'file a/../b 0644 0 0 0 0 0',
      'file /a 0644 0 0 0 0 0',
      'file a/ 0644 0 0 0 0 0',
      'file a//b 0644 0 0 0 0 0',
      'file ./a 0644 0 0 0 0 0',
      'file a/. 0644 0 0 0 0 0',
      `file ${'a'.repeat(256)} 0644 0 0 0 0 0`,
      `file ${'a/'.repeat(256)}a 0644 0 0 0 0 0`,
      `file ${'aaaaaaaaaaaaaaaaaaaa/'.repeat(200)}a 0644 0 0 0 0 0`,
      'file a\\0 0644 0 0 0 0 0',
      'file a\\000 0644 0 0 0 0 0',
      'file a\\400 0644 0 0 0 0 0',
      'file a\\08 0644 0 0 0 0 0',
      'file a\tb 0644 0 0 0 0 0',
      'data 0 0',
      'xattr user.a 61',
      'unknown a',
      'dir',
      'symlink a "" 0 0 0 0',
      `symlink a ${'x'.repeat(4096)} 0 0 0 0`,
      'link a a/b',
      'link a',
      'link a .',
      'link a ..',
      'remove .',
      'remove ..',
      'remove a/../b',
      'opaque ..',
      'opaque /',
      'fifo a 0644 0 0 0 0\ndata 0 0',
      'fifo a 0644 0 0 0 0\nxattr user.a 61',
      'dir a 0755 0 0 0 0\ndata 0 0',
      'file a 0644 0 0 0 0 1\ndata 0 2\nxx',
      'file a 0644 0 0 0 0 1\ndata 2 0\n',
      'file a 0644 0 0 0 0 9\ndata 1 1\nxdata 0 1\nx',
      'file a 0644 0 0 0 0 1\nxattr user.a 61\ndata 0 1\nx',
      'file a 0644 0 0 0 0 0\nxattr user.a 6',
      'file a 0644 0 0 0 0 0\nxattr user.a 6G',
      'file a 0644 0 0 0 0 0\nxattr user.a AA',
      'file a 0644 0 0 0 0 9\ndata 0 9\nxxx',
      `file ${'a'.repeat(150_000)}`,
      `file a${' a'.repeat(20)}`,
    ].map((lines) => `tree 1\n${lines}\nend 1\n`),
  ];
  for (const [index, stream] of wrong.entries()) {
    const root = join(directory.path, String(index));
    mkdirSync(root);
    assert.equal(unpack(root, Buffer.from(stream)).status, 65, stream.slice(0, 200));
  }
});

test('unpack survives mutated streams', { skip }, async () => {
  using directory = scratch();
  const { stream } = await collect(
    tar(
      entry({ name: 'a/b', data: 'x'.repeat(99) }),
      pax([['SCHILY.xattr.user.a', 'b']]),
      entry({ name: 'd', type: '5' }),
      entry({ name: 's', type: '2', linkname: 'a b' }),
      entry({ name: '.wh.q' }),
    ),
  );
  const mutation = fc.tuple(
    fc.nat(stream.length - 1),
    fc.constantFrom(0, 1, 2),
    fc.constantFrom(
      '',
      '0',
      '9',
      ' ',
      '\n',
      '/',
      '.',
      '..',
      '\\',
      '\0',
      '\u00ff',
      'a',
      '\ndata 0 5\n',
      '\nremove a\n',
      '\nopaque .\n',
    ),
  );
  for (const [index, [at, removed, added]] of fc.sample(mutation, { numRuns: 300, seed: 3 }).entries()) {
    const root = join(directory.path, String(index));
    mkdirSync(root);
    const { status } = unpack(
      root,
      Buffer.concat([stream.subarray(0, at), Buffer.from(added, 'latin1'), stream.subarray(at + removed)]),
    );
    assert.ok(status === 0 || status === 65 || status === 71, String(status));
  }
});

test('unpackLayer() refuses or reads arbitrary layers, never throws anything else', async () => {
  for (const layer of fc.sample(anyLayer, { numRuns: 100, seed: 5 })) {
    for (const at of [3, 150, 156, 257, 600]) {
      const damaged = Buffer.from(layer);
      damaged[at] = (damaged[at] ?? 0) ^ 0x41;
      await collect(damaged).catch((error: unknown) => assert.ok(error instanceof Failure, String(error)));
    }
  }
});
