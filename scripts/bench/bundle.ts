// SPDX-License-Identifier: Apache-2.0
// Makes of a prepared pod's app the bundle that another OCI runtime runs: the same namespaces, mounts, filter, capabilities.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  copyFileSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';

interface Mount {
  source?: string;
  options?: string[];
}

interface Config {
  root: { path: string };
  mounts: Mount[];
  linux: { uidMappings?: { hostID: number }[]; cgroupsPath: string; resources?: object };
}

/** Writes the bundle of the app into a new directory; the image is an OCI layout. */
export function makeBundle(bundle: string, pod: string, image: string): void {
  const [app = ''] = readdirSync(join(pod, 'apps'));
  const config: Config = JSON.parse(readFileSync(join(pod, 'apps', app, 'config.json'), 'utf8'));
  execFileSync('umoci', ['unpack', '--image', `${image}:latest`, bundle], { stdio: 'pipe' });
  // Root of the container passes through here without being root of the host.
  chmodSync(bundle, 0o755);
  mkdirSync(join(bundle, 'etc'));
  for (const mount of config.mounts) {
    // Runtimes know whether a source is a file; what is below the pod is copied, so that the pod is not needed.
    mount.options = (mount.options ?? []).filter((option) => option !== 'file' && option !== 'directory');
    if (mount.source?.startsWith('/')) {
      const copy = join(bundle, 'etc', basename(mount.source));
      copyFileSync(join(pod, 'etc', basename(mount.source)), copy);
      mount.source = copy;
    }
  }
  config.root.path = 'rootfs';
  config.linux.cgroupsPath = '/rkt-bench';
  // A limit whose controller is not there is left out by rkt and refused by others.
  const controllers = '/sys/fs/cgroup/cgroup.controllers';
  if (existsSync(controllers) && !/\bpids\b/.test(readFileSync(controllers, 'utf8'))) delete config.linux.resources;
  const shift = config.linux.uidMappings?.[0]?.hostID ?? 0;
  // Other runtimes have no mapped layers: the files have the owners that the container's ids mean on the host.
  if (shift > 0) shiftOwners(join(bundle, 'rootfs'), shift);
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(config));
}

function shiftOwners(path: string, by: number): void {
  const { uid, gid } = lstatSync(path);
  lchownSync(path, uid + by, gid + by);
  if (!lstatSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) shiftOwnersOnce(join(path, name), by);
}

/** A file with several names is met once for each. */
function shiftOwnersOnce(path: string, by: number): void {
  const found = lstatSync(path);
  if (found.isDirectory() || found.uid < by) shiftOwners(path, by);
}
