// SPDX-License-Identifier: Apache-2.0
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { exists } from '@rkt/files';
import { filledDirectories } from '@rkt/flavor-ns';
import { type PodManifest, type PodVolume } from '@rkt/formats';
import { type Pod } from '@rkt/pods';
import { type OwnedDirectory } from './owned.ts';

/** Makes the directories of volumes that are the pod's own; returns those whose owner is to be an id of the pod. */
export function makeVolumes(pod: Pod, manifest: PodManifest): OwnedDirectory[] {
  mkdirSync(join(pod.path, 'volumes'), { recursive: true, mode: 0o700 });
  return manifest.volumes.flatMap((volume) => {
    const path = join(pod.path, 'volumes', volume.name);
    // In memory, all but the place comes with the mount.
    if (volume.kind === 'tmpfs') mkdirSync(path);
    if (volume.kind !== 'empty') return [];
    if (volume.filled === undefined) return makeEmpty(path, volume, partsOf(manifest, volume));
    mkdirSync(path);
    for (const directory of filledDirectories(volume.name, volume.filled.layers)) {
      mkdirSync(join(pod.path, directory), { recursive: true, mode: 0o755 });
    }
    return [{ path: join(pod.path, 'filled', volume.name, 'data', 'upper'), uid: 0, gid: 0 }];
  });
}

/** The parts of the volume that apps mount: they are there from the start. */
function partsOf({ apps }: PodManifest, { name }: PodVolume): string[] {
  return apps.flatMap(({ mounts }) =>
    mounts.flatMap(({ volume, subPath }) => (volume === name ? (subPath ?? []) : [])),
  );
}

function makeEmpty(
  path: string,
  { mode, uid, gid }: { mode: number; uid: number; gid: number },
  parts: readonly string[],
): OwnedDirectory[] {
  mkdirSync(path);
  chmodSync(path, mode);
  const directories = parts.flatMap((part) => {
    const names = part.split('/');
    return names.map((_, index) => join(path, ...names.slice(0, index + 1)));
  });
  for (const directory of directories) if (!exists(directory)) mkdirSync(directory, { mode: 0o755 });
  return [path, ...new Set(directories)].map((directory) => ({ path: directory, uid, gid }));
}
