// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chownSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Failure } from '@rkt/exit';
import { printJson } from '@rkt/human';
import { CREATED_MS, makePod, TemporaryDirectory } from '@rkt/pod-fixtures';
import { inspectPod, pidOf, podObject, requireOwner, uuidOf, uuidsOf, type PodView } from '../src/index.ts';

const STARTED = 'started 100 101 1500000001.500000000\nready 1500000002.000000000\n';

function inspect(dir: string, pod: Parameters<typeof inspectPod>[1], locked = false): PodView {
  const view = inspectPod(dir, pod, () => locked);
  assert.ok(view);
  return view;
}

test('inspectPod() tells the state by phase and lock', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run', status: STARTED });
  assert.equal(inspect(dir.path, pod, true).state, 'running');
  assert.equal(inspect(dir.path, pod, false).state, 'exited');
  assert.deepEqual(inspect(dir.path, pod).problems, []);
});

test('inspectPod() finds a pod that has moved meanwhile, and none that is gone', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'prepared' });
  renameSync(pod.path, join(dir.path, 'pods', 'run', pod.uuid));
  assert.equal(inspect(dir.path, pod).pod.phase, 'run');
  rmSync(join(dir.path, 'pods', 'run', pod.uuid), { recursive: true });
  assert.equal(
    inspectPod(dir.path, pod, () => false),
    undefined,
  );
});

test('inspectPod() gives each app its state and its exit code', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, {
    phase: 'run',
    apps: ['ended', 'killed', 'lost', 'never'],
    status: `${STARTED}exited 3 1500000009.000000000\n`,
    appStatus: {
      ended: 'started 2 1500000001.0\nexited 3 1500000003.0\n',
      killed: 'started 3 1500000001.0\nkilled 9 1500000003.0\n',
      lost: 'started 4 1500000001.0\nexited 0 15000',
    },
  });
  assert.deepEqual(
    inspect(dir.path, pod).apps.map(({ app, state, exitCode }) => [app.name, state, exitCode]),
    [
      ['ended', 'exited', 3],
      ['killed', 'exited', 137],
      ['lost', 'exited', undefined],
      ['never', 'unknown', undefined],
    ],
  );
  assert.deepEqual(
    inspect(dir.path, pod, true).apps.map(({ state }) => state),
    ['exited', 'exited', 'running', 'created'],
  );
});

test('inspectPod() counts an app that was killed together with the pod as killed', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, {
    phase: 'run',
    status: `${STARTED}killed 9 1500000009.0\n`,
    appStatus: { app: 'started 2 1500000001.0\n' },
  });
  assert.equal(inspect(dir.path, pod).apps[0]?.exitCode, 137);
});

test('inspectPod() reports hostile files as problems and reads nothing through symbolic links', () => {
  using dir = new TemporaryDirectory();
  const secret = join(dir.path, 'secret');
  writeFileSync(secret, 'exited 99 1500000003.0\n');
  for (const name of ['pod.json', 'status', 'error']) {
    const pod = makePod(dir.path, { phase: 'run', status: STARTED, error: 'stage1: x\n' });
    rmSync(join(pod.path, name));
    symlinkSync(secret, join(pod.path, name));
    const view = inspect(dir.path, pod);
    assert.equal(view.problems.length, 1, name);
    assert.match(view.problems[0] ?? '', /not a regular file$/);
    assert.doesNotMatch(printJson(podObject(view), 'json'), /exited 99/);
  }
});

test('inspectPod() does not follow a directory of an app that is a symbolic link', () => {
  using dir = new TemporaryDirectory();
  const elsewhere = join(dir.path, 'elsewhere');
  mkdirSync(elsewhere);
  writeFileSync(join(elsewhere, 'status'), 'exited 99 1500000003.0\n');
  const pod = makePod(dir.path, { phase: 'run', status: STARTED });
  rmSync(join(pod.path, 'apps', 'app'), { recursive: true });
  symlinkSync(elsewhere, join(pod.path, 'apps', 'app'));
  assert.equal(inspect(dir.path, pod).apps[0]?.exitCode, undefined);
});

test('inspectPod() calls a missing manifest a problem only where there should be one', () => {
  using dir = new TemporaryDirectory();
  const preparing = makePod(dir.path, { phase: 'prepare' });
  const prepared = makePod(dir.path, { phase: 'prepared' });
  for (const { path } of [preparing, prepared]) rmSync(join(path, 'pod.json'));
  assert.deepEqual(inspect(dir.path, preparing, true).problems, []);
  assert.equal(inspect(dir.path, prepared).problems.length, 1);
});

test("podObject() has rkt's fields, seconds for the pod and nanoseconds for the app", () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, {
    phase: 'run',
    status: `${STARTED}exited 3 1500000009.0\n`,
    appStatus: { app: 'started 2 1500000001.0\nexited 3 1500000003.0\n' },
  });
  const view = inspect(dir.path, pod);
  assert.partialDeepStrictEqual(podObject(view), {
    name: pod.uuid,
    state: 'exited',
    networks: [],
    app_names: ['app'],
    created_at: CREATED_MS / 1000,
    started_at: 1500000001,
    pid: undefined,
    apps: [
      {
        name: 'app',
        state: 'exited',
        exit_code: 3,
        created_at: CREATED_MS * 1e6,
        started_at: 1500000001 * 1e9,
        finished_at: 1500000003 * 1e9,
        mounts: [{ name: 'data', container_path: '/data', host_path: '/srv', read_only: true }],
      },
    ],
  });
  assert.match(printJson(podObject(view), 'json'), /"finished_at":1500000003000000000,/);
  assert.match(printJson([podObject(view)], 'json-pretty'), /^\[\n\t\{\n\t\t"name": "/);
});

test('pidOf() is the pid 1 of a running pod only', () => {
  using dir = new TemporaryDirectory();
  const pod = makePod(dir.path, { phase: 'run', status: STARTED });
  assert.equal(pidOf(inspect(dir.path, pod, true)), 101);
  assert.equal(pidOf(inspect(dir.path, pod, false)), undefined);
});

const usage = (error: unknown) => error instanceof Failure && error.status === 64;

test('uuidsOf() takes operands or a file, never both and never none', () => {
  using dir = new TemporaryDirectory();
  const file = join(dir.path, 'uuid');
  writeFileSync(file, ' 0a1b\n');
  assert.deepEqual(uuidsOf(['a', 'b'], undefined), ['a', 'b']);
  assert.equal(uuidOf([], file), '0a1b');
  assert.throws(() => uuidsOf([], undefined), usage);
  assert.throws(() => uuidsOf(['a'], file), usage);
  assert.throws(() => uuidOf(['a', 'b'], undefined), usage);
  assert.throws(
    () => uuidsOf([], join(dir.path, 'none')),
    (error) => error instanceof Failure && error.status === 66,
  );
});

test(
  'requireOwner() refuses whoever is neither root nor the owner',
  { skip: process.getuid?.() !== 0 && 'needs root' },
  () => {
    using dir = new TemporaryDirectory();
    makePod(dir.path);
    requireOwner(dir.path, 'stop');
    chownSync(join(dir.path, 'pods'), 1234, 1234);
    requireOwner(dir.path, 'stop');
    process.seteuid?.(65534);
    try {
      assert.throws(
        () => requireOwner(dir.path, 'stop'),
        (error) => error instanceof Failure && error.status === 77 && error.message.endsWith('not root: wanted sudo'),
      );
    } finally {
      process.seteuid?.(0);
    }
  },
);
