// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { namesIn } from '@rkt/files';
import { RANGE_SIZE, releaseRanges } from '@rkt/pods';

const PODS = 1000;
const THREADS = 8;

/** The UUID of a pod that wants one of 128 of all ranges first: the hash says which. */
function rival(): string {
  for (;;) {
    const uuid = randomUUID();
    if (createHash('sha256').update(uuid).digest().readUInt32BE() % 0x6000 < 128) return uuid;
  }
}

/** Allocates ranges of pods in threads that begin at the same time. */
async function allocateAtOnce(dir: string, uuids: readonly string[]): Promise<Map<string, number>> {
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const threads = Array.from({ length: THREADS }, (_, index) => {
    const own = uuids.filter((_uuid, at) => at % THREADS === index);
    return new Worker(new URL('allocator.ts', import.meta.url), { workerData: { dir, uuids: own, gate } });
  });
  const allocated = threads.map(async (thread) => {
    return new Promise<readonly (readonly [string, number])[]>((resolve, reject) => {
      thread.on('message', resolve);
      thread.on('error', reject);
    });
  });
  await Promise.all(threads.map(async (thread) => new Promise((resolve) => thread.once('online', resolve))));
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
  return new Map((await Promise.all(allocated)).flat());
}

test('allocateRange() never gives two of a thousand pods the same ids, whoever else allocates', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'rkt-ranges-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const uuids = Array.from({ length: PODS }, rival);
  const firsts = await allocateAtOnce(dir, uuids);
  assert.equal(firsts.size, PODS);
  assert.equal(new Set(firsts.values()).size, PODS);
  for (const [uuid, first] of firsts) {
    assert.equal(readFileSync(join(dir, 'ranges', String(first / RANGE_SIZE)), 'utf8'), `${uuid}\n`);
  }
  assert.equal(namesIn(join(dir, 'ranges')).length, PODS);
  const gone = new Set(uuids.slice(0, PODS / 2));
  releaseRanges(dir, (uuid) => gone.has(uuid));
  assert.equal(namesIn(join(dir, 'ranges')).length, PODS / 2);
  // What is free is given again, what is taken is not.
  const again = await allocateAtOnce(dir, [...gone]);
  const taken = uuids.filter((uuid) => !gone.has(uuid)).map((uuid) => firsts.get(uuid));
  assert.equal(new Set([...again.values(), ...taken]).size, PODS);
});
