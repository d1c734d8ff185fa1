// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from 'node:fs';
import { EXIT, Failure } from '@rkt/exit';
import { attempts } from './attempts.ts';
import { read, trackedMount } from './hierarchies.ts';
import { makeV1 } from './ops.ts';
import { appDirectory } from './paths.ts';
import type { CgroupPath } from './places.ts';
import { processesOf } from './pod.ts';
import { moveInto, write } from './write.ts';

/** True if no process of the app runs, because somebody froze them. */
export function isFrozen(path: CgroupPath): boolean {
  const { unified } = path.hierarchies;
  if (unified !== undefined) {
    return /^frozen 1$/m.test(read(`${appDirectory(unified, path.pod, path.app)}/cgroup.events`) ?? '');
  }
  return read(`${freezerOf(path) ?? ''}/freezer.state`)?.trim() === 'FROZEN';
}

/**
 * Freezes the processes of an app and waits until none runs; after a while without success lets them go and refuses.
 *
 * What is frozen of v2 can be killed; what is frozen of v1 dies when it is let go, which killPod() sees to.
 */
export async function freezeApp(path: CgroupPath): Promise<void> {
  const { hierarchies, pod, app } = path;
  if (hierarchies.unified === undefined) enterFreezer(path);
  setState(path, true);
  for await (const _ of attempts()) {
    // A process may have forked outside of the freezer before it came into it.
    if (hierarchies.unified === undefined) enterFreezer(path);
    if (isFrozen(path)) return;
  }
  setState(path, false);
  const left = processesOf({ pod, app }, hierarchies).slice(0, 8).join(', ');
  throw new Failure(EXIT.system, `cannot freeze app "${app}": its processes do not stop: ${left}`);
}

/** Lets the processes of an app run; that they do already, or that there are none, is fine. */
export function thawApp(path: CgroupPath): void {
  setState(path, false);
}

function setState(path: CgroupPath, frozen: boolean): void {
  const { unified } = path.hierarchies;
  const [file, off, on] =
    unified === undefined
      ? [`${freezerOf(path) ?? ''}/freezer.state`, 'THAWED', 'FROZEN']
      : [`${appDirectory(unified, path.pod, path.app)}/cgroup.freeze`, '0', '1'];
  const state = read(file)?.trim();
  // Of an app without the file nothing was ever frozen.
  if (frozen || (state !== undefined && state !== off)) write(file, frozen ? on : off);
}

function freezerOf({ hierarchies, pod, app }: CgroupPath): string | undefined {
  const mount = hierarchies.controllers.get('freezer')?.mount;
  return mount === undefined ? undefined : appDirectory(mount, pod, app);
}

/** On a machine with v1 alone an app comes into the freezer when it is frozen for the first time. */
function enterFreezer(path: CgroupPath): void {
  const { hierarchies } = path;
  const mount = hierarchies.controllers.get('freezer')?.mount;
  const tracked = trackedMount(hierarchies);
  if (mount === undefined || tracked === undefined) {
    const why =
      hierarchies.isDelegated === true ? 'no cgroup is delegated to you' : 'this machine offers no freezer controller';
    throw new Failure(EXIT.configuration, `cannot freeze app "${path.app}": ${why}`);
  }
  for (const op of makeV1(path, { mount }))
    if (op.op === 'mkdir') mkdirSync(op.path, { recursive: true, mode: op.mode });
  moveInto(appDirectory(mount, path.pod, path.app), appDirectory(tracked, path.pod, path.app));
}
