// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Failure } from '@rkt/exit';
import { collect } from './collect.ts';
import { describeDisk, describeTree, listTrees, scratch, skip, treeBesideCanary, unpack, withoutRoot } from './disk.ts';
import { hostile } from './hostile.ts';
import { anyLayer, modelOf, pairsOfStreams } from './layers.ts';
import { entry, pax, tar } from './tar-writer.ts';
import type { Tree } from './tree-model.ts';

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

test('unpack does to a tree what the model does, for arbitrary layers', { skip }, async () => {
  using directory = scratch();
  const pairs = await pairsOfStreams(Number(process.env['FC_RUNS'] ?? 150));
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
