// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Failure } from '@rkt/exit';
import { holdLock, makePod, TemporaryDirectory } from '@rkt/pod-fixtures';
import { PHASES } from '@rkt/pods';
import type { GarbageRules } from '../src/garbage.ts';
import { mark } from '../src/mark.ts';
import { sweep } from '../src/sweep.ts';

const MINUTE_MS = 60_000;

interface Recorded extends GarbageRules {
  readonly printed: string[];
  readonly noted: string[];
}

/** The rules of a run that takes place this long from now. */
function rules(dir: string, laterMs = 0, change: Partial<GarbageRules> = {}): Recorded {
  const printed: string[] = [];
  const noted: string[] = [];
  const failures: Failure[] = [];
  return {
    dir,
    graceMs: 30 * MINUTE_MS,
    expireMs: 24 * 60 * MINUTE_MS,
    now: () => Date.now() + laterMs,
    print: (line) => void printed.push(line),
    note: (line) => void noted.push(line),
    failures,
    printed,
    noted,
    ...change,
  };
}

function placesOf(dir: string): Record<string, string[]> {
  return Object.fromEntries(PHASES.map((phase) => [phase, readdirSync(join(dir, 'pods', phase))]));
}

const NOWHERE = { embryo: [], prepare: [], prepared: [], run: [], 'exited-garbage': [], garbage: [] };

test('mark() moves exited pods and failed preparations, and no others', async () => {
  using dir = new TemporaryDirectory();
  const exited = makePod(dir.path, { phase: 'run' });
  const running = makePod(dir.path, { phase: 'run' });
  const aborted = makePod(dir.path, { phase: 'prepare' });
  const preparing = makePod(dir.path, { phase: 'prepare' });
  const prepared = makePod(dir.path, { phase: 'prepared' });
  await using one = await holdLock(running.path);
  await using other = await holdLock(preparing.path);
  assert.ok(one.child.pid && other.child.pid);
  const run = rules(dir.path);
  await mark(run);
  assert.deepEqual(placesOf(dir.path), {
    ...NOWHERE,
    run: [running.uuid],
    prepare: [preparing.uuid],
    prepared: [prepared.uuid],
    'exited-garbage': [exited.uuid],
    garbage: [aborted.uuid],
  });
  assert.deepEqual(run.noted, [
    `moving pod "${exited.uuid}" to garbage`,
    `moving failed prepare "${aborted.uuid}" to garbage`,
  ]);
  assert.deepEqual(run.printed, []);
});

test('sweep() keeps a marked pod within its grace period and deletes it thereafter', async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'exited-garbage' });
  const early = rules(dir.path, 29 * MINUTE_MS);
  await sweep(early);
  assert.deepEqual(early.noted, [`pod "${pod.uuid}" not removed: still within grace period (30m0s)`]);
  assert.deepEqual(early.printed, []);
  const late = rules(dir.path, 31 * MINUTE_MS);
  await sweep(late);
  assert.deepEqual(late.printed, [`Garbage collecting pod "${pod.uuid}"`]);
  assert.deepEqual(placesOf(dir.path), NOWHERE);
});

test('sweep() keeps pods whose times lie in the future', async () => {
  using dir = new TemporaryDirectory();
  const marked = makePod(dir.path, { phase: 'exited-garbage' });
  const prepared = makePod(dir.path, { phase: 'prepared' });
  await sweep(rules(dir.path, -365 * 24 * 60 * MINUTE_MS));
  assert.deepEqual(placesOf(dir.path), { ...NOWHERE, prepared: [prepared.uuid], 'exited-garbage': [marked.uuid] });
});

test('sweep() without a grace period deletes a pod that was marked in this moment', async () => {
  using dir = new TemporaryDirectory();
  makePod(dir.path, { phase: 'run' });
  const run = rules(dir.path, 0, { graceMs: 0 });
  await mark(run);
  await sweep(run);
  assert.deepEqual(placesOf(dir.path), NOWHERE);
  assert.deepEqual(run.failures, []);
});

test('sweep() without a grace period deletes a marked pod whatever the clock says', async () => {
  using dir = new TemporaryDirectory();
  makePod(dir.path, { phase: 'exited-garbage' });
  await sweep(rules(dir.path, -60 * MINUTE_MS, { graceMs: 0 }));
  assert.deepEqual(placesOf(dir.path), NOWHERE);
});

test('sweep() deletes prepared pods that have expired, and no younger ones', async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'prepared' });
  await sweep(rules(dir.path, 23 * 60 * MINUTE_MS));
  assert.deepEqual(placesOf(dir.path), { ...NOWHERE, prepared: [pod.uuid] });
  const late = rules(dir.path, 25 * 60 * MINUTE_MS);
  await sweep(late);
  assert.deepEqual(placesOf(dir.path), NOWHERE);
  assert.deepEqual(late.noted, [`moving expired prepared pod "${pod.uuid}" to garbage`]);
});

test('sweep() deletes embryos that nobody has locked, and no others', async () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'embryo' });
  {
    await using holder = await holdLock(pod.path);
    assert.ok(holder.child.pid);
    await sweep(rules(dir.path, 0));
    assert.deepEqual(placesOf(dir.path), { ...NOWHERE, embryo: [pod.uuid] });
  }
  await sweep(rules(dir.path, 0));
  assert.deepEqual(placesOf(dir.path), NOWHERE);
});

test('sweep() leaves alone what is locked, what is no directory and what has no name of a pod', async () => {
  using dir = new TemporaryDirectory();
  const locked = makePod(dir.path, { phase: 'garbage' });
  await using holder = await holdLock(locked.path);
  assert.ok(holder.child.pid);
  const uuid = locked.uuid.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
  const garbage = join(dir.path, 'pods', 'garbage');
  symlinkSync('/etc', join(garbage, uuid));
  writeFileSync(join(garbage, uuid.toUpperCase().replace(/^./, 'A')), '');
  mkdirSync(join(garbage, 'lost+found'));
  const before = placesOf(dir.path);
  const run = rules(dir.path, 0, { graceMs: 0 });
  await sweep(run);
  assert.deepEqual(placesOf(dir.path), before);
  assert.deepEqual([run.failures, run.noted], [[], []]);
});
