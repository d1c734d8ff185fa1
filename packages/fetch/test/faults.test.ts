// SPDX-License-Identifier: Apache-2.0
// What a kill at any moment and a full disk leave behind.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { EXIT } from '@rkt/exit';
import { openStore } from '@rkt/store';
import { startRegistry, type Registry } from '../../../test/registry.ts';
import { Layout, runFetch, temporaryDirectory } from './fixture.ts';

let registry: Registry;

before(async () => {
  registry = await startRegistry();
});

after(async () => {
  await registry.stop();
});

const HTTP = '--insecure-options=http';

test('rkt-fetch accepts and completes what thirty kills left', async (t) => {
  const dir = temporaryDirectory(t);
  const layout = new Layout(join(dir, 'layout'));
  const { manifest } = await layout.image({ layers: 4, layerBytes: 3_000_000, compression: 'none' });
  layout.name(manifest, 'x');
  const image = await registry.push(`oci:${layout.dir}:x`, 'faults/killed:v1');
  const start = performance.now();
  assert.equal((await runFetch([`--dir=${join(dir, 'whole')}`, HTTP, '-q', image])).status, 0);
  const wholeMs = performance.now() - start;
  let kills = 0;
  for (let round = 0; kills < 30; round += 1) {
    const rkt = join(dir, `rkt${round}`);
    // Five kills in a row, then all the way; the moments go through all of a fetch.
    for (const step of [1, 2, 3, 4, 5]) {
      const killAfterMs = wholeMs * (0.3 + (((round * 5 + step) % 14) / 14) * 0.7);
      const { signal } = await runFetch([`--dir=${rkt}`, HTTP, '-q', image], { killAfterMs });
      kills += signal === 'SIGKILL' ? 1 : 0;
      const store = openStore(join(rkt, 'store'), { create: true });
      for (const { state } of await store.verify()) assert.equal(state, 'ok');
    }
    const { status, out, err } = await runFetch([`--dir=${rkt}`, HTTP, '--full', '-q', image]);
    assert.equal(status, 0, err);
    assert.equal(out, `${manifest.digest}\n`);
    assert.deepEqual(readdirSync(join(rkt, 'store', 'partial')), []);
    if (round >= 40) break;
  }
  assert.ok(kills >= 30, `only ${kills} of the kills were in time`);
  execFileSync('skopeo', ['inspect', `oci:${join(dir, 'rkt0', 'store')}:${image.replace('docker://', '')}`]);
});

/** A small file system that only those see who enter its mount namespace. */
async function mountSmall(path: string) {
  mkdirSync(path);
  const script = 'mount -t tmpfs -o size=16m none "$1" && chmod 0777 "$1" && echo ready && exec sleep 120';
  const holder = spawn('unshare', ['--mount', '--propagation=private', 'sh', '-c', script, 'sh', path]);
  const [ready] = await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit')]);
  assert.equal(String(ready), 'ready\n');
  return { pid: holder.pid, by: ['nsenter', `--target=${holder.pid}`, '--mount'], end: () => holder.kill('SIGKILL') };
}

test(
  'rkt-fetch tells of a full disk, and leaves a store that is good',
  { skip: process.geteuid?.() !== 0 && 'mounting needs root' },
  async (t) => {
    const dir = temporaryDirectory(t);
    const small = join(dir, 'small');
    const { pid, by, end } = await mountSmall(small);
    t.after(end);
    const push = async (name: string, layers: number, layerBytes: number) => {
      const layout = new Layout(join(dir, name));
      const { manifest } = await layout.image({ layers, layerBytes, compression: 'none' });
      layout.name(manifest, 'x');
      return { id: manifest.digest, image: await registry.push(`oci:${layout.dir}:x`, `faults/${name}:v1`) };
    };
    const fetch = (...args: string[]) => runFetch([`--dir=${small}/rkt`, HTTP, '--full', '-q', ...args], { by });
    // Seen from outside through the root directory of a process that is inside.
    const inside = `/proc/${pid}/root${small}/rkt/store`;
    const check = async () => {
      for (const { digest, state } of await openStore(inside).verify()) assert.equal(state, 'ok', digest);
    };
    const [little, large] = [await push('little', 1, 1_000_000), await push('large', 5, 4_000_000)];
    assert.equal((await fetch(little.image)).out, `${little.id}\n`);

    // What cannot fit is not begun.
    const earlier = registry.requests().length;
    const refused = await fetch(large.image);
    assert.equal(refused.status, EXIT.system);
    assert.match(
      refused.err,
      /^rkt-fetch: talking .*\nrkt-fetch: cannot write ".*small\/rkt\/store\/partial": no space left on device: wanted \d+ bytes, \d+ are free\n$/,
    );
    assert.ok(
      !registry
        .requests()
        .slice(earlier)
        .some((line) => line.includes('/blobs/')),
    );
    await check();

    // Two that fit alone and not together: the one that meets the end of the disk says so and makes room.
    const pair = [await push('first', 3, 3_000_000), await push('second', 3, 3_000_000)];
    const outcomes = await Promise.all(pair.map(({ image }) => fetch(image)));
    assert.ok(outcomes.some(({ status }) => status === EXIT.system));
    for (const { status, err } of outcomes) {
      if (status !== 0)
        assert.match(
          err,
          /cannot write ".*small\/rkt\/store\/(?:partial[^"]*|index\.json)": no space left on device[^\n]*\n$/,
        );
    }
    await check();
    assert.equal((await fetch('--pull-policy=never', little.image)).out, `${little.id}\n`);
    assert.deepEqual(readdirSync(join(inside, 'partial')), []);
    const another = await push('another', 1, 2_000_000);
    assert.equal((await fetch(another.image)).out, `${another.id}\n`);
  },
);

test('rkt-fetch ends with the failure of one layer and continues the others the next time', async (t) => {
  const dir = temporaryDirectory(t);
  const layout = new Layout(join(dir, 'layout'));
  const { manifest, document } = await layout.image({ layers: 3, layerBytes: 200_000 });
  layout.name(manifest, 'x');
  const image = await registry.push(`oci:${layout.dir}:x`, 'faults/layer:v1');
  const wrong = new Layout(join(dir, 'wrong'));
  const [first] = document.layers;
  const broken = {
    ...document,
    layers: [{ ...first, digest: `sha256:${'0'.repeat(64)}` }, ...document.layers.slice(1)],
  };
  for (const part of [document.config, ...document.layers.slice(1)]) {
    execFileSync('cp', [join(layout.dir, 'blobs/sha256', part.digest.slice(7)), join(wrong.dir, 'blobs/sha256')]);
  }
  wrong.name(wrong.blob(document.mediaType, broken));
  const refused = await runFetch([`--dir=${join(dir, 'rkt')}`, '-q', `oci:${wrong.dir}`]);
  assert.equal(refused.status, EXIT.notFound, refused.err);
  assert.match(refused.err, /^rkt-fetch: cannot open blob "sha256:0{64}"[^\n]*\n$/);
  const good = await runFetch([`--dir=${join(dir, 'rkt')}`, HTTP, '--full', image]);
  assert.equal(good.out, `${manifest.digest}\n`, good.err);
});
