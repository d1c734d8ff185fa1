// SPDX-License-Identifier: Apache-2.0
// The cgroups of a pod of this machine, with processes in them.
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, constants, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import {
  cgroupOps,
  hostHierarchies,
  killPod,
  podCgroupOps,
  podCgroups,
  removePodCgroups,
  type CgroupOps,
  type Hierarchies,
  type PodCgroupOps,
  type Resources,
} from '../src/index.ts';
import { mountsOf } from '../src/hierarchies.ts';
import { execute, shellOf } from './execute.ts';

/** Where the controllers of this machine are. */
export const host = hostHierarchies();

/** The cgroups of a pod of this machine, removed with all their processes when disposed. */
export class TestPod implements AsyncDisposable {
  readonly uuid = randomUUID();
  readonly hierarchies: Hierarchies;
  readonly ops: CgroupOps;
  readonly pod: PodCgroupOps;

  constructor(resources: Resources, hierarchies: Hierarchies = host, podResources: Resources = {}) {
    this.hierarchies = hierarchies;
    this.ops = cgroupOps({
      hierarchies,
      pod: this.uuid,
      app: 'app',
      resources,
      podResources,
      appFd: 7,
    });
    this.pod = podCgroupOps({ hierarchies, pod: this.uuid, supervisorFd: 6 });
    execute([...this.pod.make, ...this.ops.make]);
  }

  /** A script that runs in the cgroups of the app: v2, which stage1 enters by clone, and v1. */
  script(text: string): string[] {
    const { unified } = this.hierarchies;
    const own = unified === undefined ? '' : `${unified}/rkt/${this.uuid}/app-app/cgroup.procs`;
    return ['-c', `${own === '' ? '' : `echo 0 > ${own} || exit 99; `}${shellOf(this.ops.joinApp)}${text}`];
  }

  run(text: string): ReturnType<typeof spawnSync> {
    return spawnSync('sh', this.script(text), { encoding: 'utf8', timeout: 60_000 });
  }

  async start(text: string): Promise<ChildProcess> {
    const child = spawn('sh', this.script(`echo; ${text}`), { stdio: ['ignore', 'pipe', 'inherit'] });
    await Promise.race([
      once(child.stdout, 'data'),
      once(child, 'exit').then(() => assert.fail('the process ended before it was ready')),
    ]);
    return child;
  }

  /** The text of a file of the app's cgroup by its name on v1 or v2. */
  file(controller: string, v1: string, v2 = v1): string {
    return this.#read(controller, 'app-app/', [v1, v2]);
  }

  /** The same of the pod's own cgroup. */
  podFile(controller: string, v1: string, v2 = v1): string {
    return this.#read(controller, '', [v1, v2]);
  }

  #read(controller: string, directory: string, [v1, v2]: readonly [string, string]): string {
    const found = this.hierarchies.controllers.get(controller);
    assert.ok(found);
    const file = found.version === 1 ? v1 : v2;
    return readFileSync(`${found.mount}/rkt/${this.uuid}/${directory}${file}`, 'utf8').trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await killPod(this.uuid, host);
    await removePodCgroups(this.uuid, host);
    assert.deepEqual(podCgroups(this.uuid, host), []);
  }
}

/** Waits for a condition to come about. */
export async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; !condition(); i++) {
    if (i > 3000) assert.fail('it did not come about');
    await delay(10);
  }
}

/** Why a test of these controllers cannot run here, or false. */
export function lacks(...controllers: readonly string[]): string | false {
  const missing = controllers.filter((name) => !host.controllers.has(name));
  return missing.length > 0 && `no controller ${missing.join(', ')}`;
}

/** Why no test can write to cgroups here, or false. */
export function cannotWrite(): string | false {
  try {
    for (const mount of mountsOf(host)) accessSync(mount, constants.W_OK);
    return mountsOf(host).length === 0 && 'no cgroups';
  } catch {
    return 'cgroups are not writable';
  }
}
