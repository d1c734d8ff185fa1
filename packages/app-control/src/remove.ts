// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { hierarchiesOf, killApp, removeAppCgroups } from '@rkt/cgroups';
import { EXIT, Failure } from '@rkt/exit';
import { lock, mountsBelow, writeDurably } from '@rkt/files';
import { printPod } from '@rkt/formats';
import { isAppName, printable, type AppName } from '@rkt/names';
import { isRunning, readAppStatus, readPod } from '@rkt/pods';
import { removeOwnTree } from '@rkt/rootless';
import { isAlive, requireApp, stopApp, type Stopped } from './request.ts';

/**
 * Stops an app and removes it: first from the manifest, then its cgroups and files.
 *
 * Cut off in between, it is gone for everybody; what it left goes when it is removed once more.
 */
export async function removeApp(stopped: Stopped): Promise<void> {
  const { dir, pod, name } = stopped;
  if (!isAppName(name)) throw new Failure(EXIT.usage, `cannot use "${printable(name)}": it is no name of an app`);
  using _held = await lock(join(pod.path, 'apps'));
  const home = join(pod.path, 'apps', name);
  if (!existsSync(home)) requireApp(pod, name);
  const manifest = readPod(pod);
  if (!manifest.mutable) {
    throw new Failure(
      EXIT.no,
      `cannot change pod "${pod.uuid}": it is an immutable pod: wanted one of rkt app sandbox`,
    );
  }
  await endApp(stopped, name);
  const apps = manifest.apps.filter((app) => app.name !== name);
  if (apps.length < manifest.apps.length) writeDurably(join(pod.path, 'pod.json'), printPod({ ...manifest, apps }));
  const cgroup = { pod: pod.uuid, app: name };
  await killApp(cgroup, hierarchiesOf(manifest));
  await removeAppCgroups(cgroup, hierarchiesOf(manifest));
  const [mounted] = mountsBelow(home);
  if (mounted !== undefined) throw new Failure(EXIT.tryAgain, `cannot remove app "${name}": "${mounted}" is a mount`);
  removeOwnTree(dir, home);
}

async function endApp(stopped: Stopped, name: AppName): Promise<void> {
  const { pod } = stopped;
  const app = readPod(pod).apps.find((candidate) => candidate.name === name);
  if (app === undefined || !isRunning(pod)) return;
  if (app.restart.policy !== 'no' || isAlive(readAppStatus(pod, name))) await stopApp(stopped);
}
