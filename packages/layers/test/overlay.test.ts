// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { describeDisk, describeTree, listTrees, scratch, skip, unpack, UNPACK, withoutRoot } from './disk.ts';
import { modelOf, pairsOfStreams } from './layers.ts';

/** Mounts each case, unpacks its stream there, and executes the arguments where all the mounts are still to be seen. */
const SCRIPT = `
  set -e
  for place in "$0"/*; do
    mount -t overlay -o "lowerdir=$place/lower,upperdir=$place/upper,workdir=$place/work" overlay "$place/merged"
    status=0
    (cd "$place/merged" && exec "$UNPACK" < "$place/stream" 2> "$place/stderr") || status=$?
    echo "$status" > "$place/status"
  done
  exec "$@"`;

test('unpack makes a layer above others and changes nothing in them', { skip }, async () => {
  using directory = scratch();
  const pairs = await pairsOfStreams(60);
  const places = pairs.map((_, index) => join(directory.path, String(index)));
  for (const [index, place] of places.entries()) {
    const [lower, upper] = pairs[index] ?? [];
    assert.ok(lower !== undefined && upper !== undefined);
    for (const name of ['lower', 'upper', 'work', 'merged']) mkdirSync(join(place, name), { recursive: true });
    assert.equal(unpack(join(place, 'lower'), lower).status, 0);
    writeFileSync(join(place, 'stream'), upper);
  }
  const lowers = places.map((place) => join(place, 'lower'));
  const before = listTrees(lowers);
  const merged = places.map((place) => join(place, 'merged'));
  process.env['UNPACK'] = UNPACK;
  const trees = listTrees(merged, ['unshare', '-m', 'sh', '-c', SCRIPT, directory.path]);
  assert.deepEqual(listTrees(lowers), before);
  for (const [index, place] of places.entries()) {
    const [lower, upper] = pairs[index] ?? [];
    assert.ok(lower !== undefined && upper !== undefined);
    const tree = modelOf(lower, upper);
    const what = `${lower.toString('latin1')}${upper.toString('latin1')}${readFileSync(join(place, 'stderr'), 'utf8')}`;
    assert.equal(readFileSync(join(place, 'status'), 'utf8'), tree === undefined ? '65\n' : '0\n', what);
    // A file of several names below becomes several files when one of them is changed.
    if (tree === undefined) continue;
    const [actual, expected] = [describeDisk(trees[index] ?? [], false), describeTree(tree, false)];
    assert.deepEqual(withoutRoot(actual), withoutRoot(expected), what);
  }
});

test('overlayfs is there for the test above', { skip }, () => {
  assert.match(readFileSync('/proc/filesystems', 'utf8'), /\toverlay\n/);
  assert.equal(spawnSync('unshare', ['-m', 'true']).status, 0);
});
