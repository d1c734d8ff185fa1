// SPDX-License-Identifier: Apache-2.0
// The operations in real plans: stage1 puts pid 1 and an app where the limits are.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { printPlan, type Line, type Op } from '@rkt/plan';
import {
  cgroupOps,
  hostHierarchies,
  killPod,
  podCgroupOps,
  podCgroups,
  removePodCgroups,
  type Resources,
} from '../src/index.ts';
import { mountsOf } from '../src/hierarchies.ts';

const STAGE1 = join(import.meta.dirname, '..', '..', 'stage1', 'build', 'stage1');
const FD = { podStatus: 5, supervisor: 6, app: 7 } as const;
const host = hostHierarchies();

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly appStatus: string;
}

/** Runs a pod whose only app is a script of the shell, with these limits. */
async function runPod(resources: Resources, script: string): Promise<Outcome & { readonly uuid: string }> {
  const uuid = randomUUID();
  const directory = mkdtempSync(join(tmpdir(), 'rkt-cgroups-'));
  try {
    writePlans(directory, { uuid, resources, script });
    const { status, stdout, stderr } = spawnSync(STAGE1, [join(directory, 'plan')], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    return { uuid, status, stdout, stderr, appStatus: readFileSync(join(directory, 'app', 'status'), 'utf8') };
  } finally {
    rmSync(directory, { recursive: true });
    await killPod(uuid);
    await removePodCgroups(uuid);
    assert.deepEqual(podCgroups(uuid), []);
  }
}

function writePlans(directory: string, pod: { uuid: string; resources: Resources; script: string }): void {
  const hierarchies = host;
  const { make, openApp, joinApp } = cgroupOps({
    hierarchies,
    pod: pod.uuid,
    app: 'app',
    resources: pod.resources,
    appFd: FD.app,
  });
  const first = podCgroupOps({ hierarchies, pod: pod.uuid, supervisorFd: FD.supervisor });
  const isUnified = host.unified !== undefined;
  const plan: Line[] = [
    appendTo(FD.podStatus, join(directory, 'status')),
    ...first.make,
    ...make,
    { op: 'init', file: 'init', cgroup_fd: isUnified ? FD.supervisor : null, status_fd: FD.podStatus },
    ...openApp,
    {
      op: 'app',
      name: 'app',
      plan: 'app/plan',
      cgroup_fd: isUnified ? FD.app : null,
      stop_signal: 'SIGTERM',
      pid_namespace: 'PID_POD',
      restart: 'RESTART_NO',
      restarts: 0,
    },
    { op: 'supervise', grace_ms: 1000, status_fd: FD.podStatus, requests_fd: null },
  ];
  const app: Line[] = [
    ...joinApp,
    { op: 'unshare', flags: ['CLONE_NEWNS'] },
    { op: 'mount', source: '', target: '/', fstype: '', flags: ['MS_REC', 'MS_PRIVATE'], data: '' },
    { op: 'mount', source: 'proc', target: '/proc', fstype: 'proc', flags: [], data: '' },
    { op: 'setenv', name: 'PATH', value: '/usr/bin:/bin' },
    { op: 'exec', file: 'sh', argv: ['sh', '-c', pod.script] },
  ];
  mkdirSync(join(directory, 'app'));
  writeFileSync(join(directory, 'plan'), printPlan(plan), { mode: 0o600 });
  writeFileSync(join(directory, 'init'), printPlan([...first.joinPod, { op: 'reap' }]), { mode: 0o600 });
  writeFileSync(join(directory, 'app', 'plan'), printPlan(app), { mode: 0o600 });
  writeFileSync(join(directory, 'app', 'status'), '');
}

function appendTo(fd: number, path: string): Op {
  return { op: 'open', fd, path, flags: ['O_WRONLY', 'O_CREAT', 'O_APPEND', 'O_CLOEXEC'], mode: 0o600 };
}

/** By hierarchy (its controllers, empty for v2) the cgroup of a process as /proc/PID/cgroup tells it. */
function membership(text: string): Map<string, string> {
  return new Map(
    text
      .trimEnd()
      .split('\n')
      .map((line) => [line.split(':')[1] ?? '', line.split(':')[2] ?? '']),
  );
}

function cannotRun(): string | false {
  if (process.getuid?.() !== 0) return 'not root';
  if (!existsSync(STAGE1)) return 'stage1 is not built';
  return mountsOf(host).length === 0 && 'no cgroups';
}

suite('cgroups in plans', { skip: cannotRun() }, () => {
  test('cgroupOps() puts pid 1 and the app where they belong', async () => {
    const resources = { memory: { limit: 64 << 20 }, cpu: { shares: 512 } };
    const { uuid, status, stdout, stderr } = await runPod(
      resources,
      'cat /proc/self/cgroup; echo --; cat /proc/1/cgroup',
    );
    assert.equal(status, 0, stderr);
    const [app = '', pidOne = ''] = stdout.split('--\n');
    const own = `/rkt/${uuid}`;
    const unified = host.unified === undefined ? [] : [''];
    const limited = ['memory', 'cpu', 'pids'].filter((name) => host.controllers.get(name)?.version === 1);
    for (const name of [...unified, ...limited]) assert.equal(find(membership(app), name), `${own}/app-app`, name);
    const tracked = host.unified === undefined ? 'pids' : '';
    assert.equal(find(membership(pidOne), tracked), `${own}/supervisor`);
  });

  test('cgroupOps() limits the memory of an app and not of pid 1', async () => {
    const { status, appStatus } = await runPod(
      { memory: { limit: 16 << 20, swap: 16 << 20 } },
      'exec dd if=/dev/zero of=/dev/null bs=64M count=1',
    );
    assert.equal(status, 128 + 9);
    assert.match(appStatus, /^killed 9 /m);
  });

  test('cgroupOps() limits the processes of an app', async () => {
    const many = [1, 2, 3].map(() => 'sleep 1000 </dev/null >/dev/null 2>&1 & ').join('');
    const { status, stderr } = await runPod({ pids: { limit: 3 } }, `${many} exit 0`);
    assert.notEqual(status, 0);
    assert.match(stderr, /fork/);
  });
});

function find(cgroups: ReadonlyMap<string, string>, controller: string): string | undefined {
  return [...cgroups].find(([names]) => names.split(',').includes(controller))?.[1];
}
