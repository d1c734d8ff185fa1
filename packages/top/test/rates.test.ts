// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { expandTabs } from '../src/live.ts';
import { descendantsOf, usageOfProcesses } from '../src/processes.ts';
import { ratesOf } from '../src/rates.ts';
import { byUse, objectOf, rowOf } from '../src/rows.ts';

const UUID = 'c0ffee00-0000-4000-8000-000000000000';

test('ratesOf() divides what was used by the time between two samples', () => {
  const app = { uuid: UUID, app: 'web' };
  const earlier = { timeMs: 1000, apps: [{ ...app, cpuUsec: 500_000, readBytes: 10, writtenBytes: 0 }] };
  const later = { timeMs: 3000, apps: [{ ...app, cpuUsec: 3_500_000, readBytes: 4106, writtenBytes: 0, pids: 3 }] };
  const [rates] = ratesOf(earlier, later);
  assert.deepEqual([rates?.cpuPercent, rates?.readBytesPerSecond, rates?.writtenBytesPerSecond], [150, 2048, 0]);
  assert.deepEqual(rates && rowOf(rates), ['c0ffee00', 'web', '150.0', '-', '-', '2.0KiB', '0B', '3']);
});

test('ratesOf() knows nothing of an app that has just come, and nothing below zero', () => {
  const earlier = { timeMs: 0, apps: [{ uuid: UUID, app: 'old', cpuUsec: 9 }] };
  const apps = [{ uuid: UUID, app: 'new', cpuUsec: 5 }, { uuid: UUID, app: 'old', cpuUsec: 1 }]; // prettier-ignore
  assert.deepEqual(
    ratesOf(earlier, { timeMs: 10, apps }).map(({ cpuPercent }) => cpuPercent),
    [undefined, 0],
  );
  assert.equal(ratesOf(undefined, { timeMs: 10, apps })[0]?.cpuPercent, undefined);
});

test('objectOf() leaves out what is not known', () => {
  assert.equal(JSON.stringify(objectOf({ uuid: UUID, app: 'a', pids: 1 })), `{"uuid":"${UUID}","app":"a","pids":1}`);
});

test('byUse() puts first who uses most, and of those alike who has most memory', () => {
  const of = (app: string, cpuPercent: number, memoryBytes: number) => ({ uuid: UUID, app, cpuPercent, memoryBytes });
  const sorted = [of('a', 1, 1), of('b', 2, 0), of('c', 1, 2), { uuid: UUID, app: 'd' }].toSorted(byUse);
  assert.deepEqual(sorted.map(({ app }) => app), ['b', 'c', 'a', 'd']); // prettier-ignore
});

test('usageOfProcesses() sums up processes, and those that have ended are nothing', async () => {
  const child = spawn('sh', ['-c', 'sleep 100 & sleep 100']);
  try {
    while (descendantsOf(child.pid ?? 0).length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    const pids = descendantsOf(child.pid ?? 0);
    const { memoryBytes = 0, cpuUsec, pids: count } = usageOfProcesses([...pids, 4_000_000]);
    assert.ok(memoryBytes > 10_000);
    assert.ok(cpuUsec !== undefined && cpuUsec < 1_000_000);
    assert.equal(count, 3);
    for (const pid of pids.slice(1)) process.kill(pid, 'SIGKILL');
  } finally {
    child.kill('SIGKILL');
  }
  assert.deepEqual(usageOfProcesses([4_000_000]), {});
});

test('expandTabs() puts cells where a terminal has its stops', () => {
  assert.equal(expandTabs('a\tb\t\tcccccccc\td'), 'a       b               cccccccc        d');
});
