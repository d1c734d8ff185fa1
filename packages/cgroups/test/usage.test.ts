// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ceiling, usage, type Hierarchies } from '../src/index.ts';

const POD = 'c0ffee00-0000-4000-8000-000000000000';

/** Hierarchies of files, each by its path below the directory of the app. */
function machine(t: TestContext, files: Readonly<Record<string, Readonly<Record<string, string>>>>): Hierarchies {
  const root = mkdtempSync(join(tmpdir(), 'rkt-test-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const [mount, contents] of Object.entries(files)) {
    const directory = join(root, mount, 'rkt', POD, 'app-web');
    mkdirSync(directory, { recursive: true });
    for (const [name, text] of Object.entries(contents)) writeFileSync(join(directory, name), text);
  }
  const controllers = Object.keys(files)
    .filter((mount) => mount !== 'unified')
    .map((name) => [name, { version: 1 as const, mount: join(root, name) }] as const);
  const unified = 'unified' in files ? join(root, 'unified') : undefined;
  return { unified, controllers: new Map(controllers), cpusetRoot: {} };
}

test('usage() and ceiling() read cgroup v2', (t) => {
  const hierarchies = machine(t, {
    unified: {
      'cpu.stat': 'usage_usec 1500\nuser_usec 1000\n',
      'memory.current': '4096\n',
      'memory.max': '67108864\n',
      'pids.current': '3\n',
      'pids.max': 'max\n',
      'io.stat': '8:0 rbytes=100 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n253:0 rbytes=1 wbytes=2 rios=1 wios=2\n',
    },
  });
  assert.deepEqual(usage(POD, 'web', hierarchies), {
    memoryBytes: 4096, cpuUsec: 1500, pids: 3, readBytes: 101, writtenBytes: 22,
  }); // prettier-ignore
  assert.deepEqual(ceiling(POD, 'web', hierarchies), { memoryBytes: 67_108_864 });
  assert.deepEqual(usage(POD, 'gone', hierarchies), {});
});

test('usage() and ceiling() read cgroup v1, where it has the controllers', (t) => {
  const hierarchies = machine(t, {
    unified: { 'cpu.stat': 'usage_usec 7\n' },
    memory: { 'memory.usage_in_bytes': '8192\n', 'memory.limit_in_bytes': '9223372036854771712\n' },
    pids: { 'pids.current': '1\n', 'pids.max': '1024\n' },
    blkio: { 'blkio.throttle.io_service_bytes': '8:0 Read 10\n8:0 Write 20\n8:0 Total 30\n8:16 Read 1\nTotal 31\n' },
  });
  assert.deepEqual(usage(POD, 'web', hierarchies), {
    memoryBytes: 8192, cpuUsec: 7, pids: 1, readBytes: 11, writtenBytes: 20,
  }); // prettier-ignore
  assert.deepEqual(ceiling(POD, 'web', hierarchies), { pids: 1024 });
});
