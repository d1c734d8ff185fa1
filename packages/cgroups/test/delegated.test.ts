// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cgroupOps, hierarchiesOf, hostHierarchies } from '../src/index.ts';

const USER = 54321;
const unified = process.getuid?.() === 0 ? hostHierarchies().unified : undefined;
const skip = unified === undefined && 'needs root and a cgroup v2';

/** Cgroups below each other, of which those from `delegated` on belong to the user, who looks from the last. */
class Cgroups implements Disposable {
  readonly paths: string[];

  constructor(names: readonly string[], delegated: number) {
    let path = unified ?? '';
    this.paths = names.map((name) => (path = join(path, name)));
    for (const [index, made] of this.paths.entries()) {
      mkdirSync(made);
      const files = ['', 'cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads'];
      if (index >= delegated) for (const file of files) chownSync(join(made, file), USER, USER);
    }
  }

  /** What the user finds, called by a process in the cgroup at that place. */
  found(index: number): string | undefined {
    const module = join(import.meta.dirname, '..', 'src', 'index.ts');
    const script = `import('${module}').then((m) => console.log(JSON.stringify(m.delegatedHierarchies().unified ?? null)))`;
    const move = `echo $$ >${this.paths[index]}/cgroup.procs && exec setpriv --reuid=${USER} --regid=${USER} --clear-groups "$@"`;
    const node = [process.execPath, '--conditions=source', '--disable-warning=ExperimentalWarning', '-e', script];
    const { stdout, stderr } = spawnSync('sh', ['-c', move, 'sh', ...node], { encoding: 'utf8' });
    assert.equal(stderr, '');
    const path: unknown = JSON.parse(stdout);
    return typeof path === 'string' ? path : undefined;
  }

  [Symbol.dispose](): void {
    for (const path of this.paths.toReversed()) if (existsSync(path)) rmdirSync(path);
  }
}

const NAME = `rkt-test-${process.pid}`;

test('delegatedHierarchies() is the nearest cgroup without processes that the user may change', { skip }, () => {
  using cgroups = new Cgroups([NAME, 'user', 'slice', 'scope'], 1);
  assert.equal(cgroups.found(3), cgroups.paths[2]);
  assert.equal(cgroups.found(2), cgroups.paths[1]);
});

test('delegatedHierarchies() is the own cgroup where that alone is the user’s', { skip }, () => {
  using cgroups = new Cgroups([NAME, 'scope'], 1);
  assert.equal(cgroups.found(1), cgroups.paths[1]);
});

test('delegatedHierarchies() has nothing where nothing is delegated, or only further up', { skip }, () => {
  using cgroups = new Cgroups([NAME, 'scope'], 2);
  assert.equal(cgroups.found(1), undefined);
  chownSync(cgroups.paths[0] ?? '', USER, USER);
  assert.equal(cgroups.found(1), undefined);
});

test('cgroupOps() says that no controller is delegated: an error for a limit that was asked for, else a warning', () => {
  const hierarchies = { unified: undefined, controllers: new Map(), cpusetRoot: {}, isDelegated: true } as const;
  const input = { hierarchies, pod: '11111111-1111-4111-8111-111111111111', app: 'x', supervisorFd: 6, appFd: 7 };
  const { make, warnings } = cgroupOps({ ...input, resources: {} });
  assert.deepEqual(
    [make, warnings],
    [[], ['cannot limit "pids.limit": no pids controller of cgroup v2 is delegated to you']],
  );
  assert.throws(() => cgroupOps({ ...input, resources: { memory: { limit: 1 } } }), {
    status: 78,
    message: 'cannot limit "memory.limit": no memory controller of cgroup v2 is delegated to you',
  });
});

test('hierarchiesOf() does not believe a user about the place of cgroups when root asks', { skip }, () => {
  assert.deepEqual(hierarchiesOf({ owner: { cgroup: '/tmp/elsewhere' } }), hostHierarchies());
  assert.deepEqual(hierarchiesOf(undefined), hostHierarchies());
});
