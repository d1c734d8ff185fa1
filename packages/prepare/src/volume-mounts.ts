// SPDX-License-Identifier: Apache-2.0
import { type PodManifest, type PodVolume, type RuntimeMount } from '@rkt/formats';
import { type AppMount } from './app-mounts.ts';

/** The pod and app whose volumes are mounted. */
export interface Mounting {
  readonly pod: Pick<PodManifest, 'owner' | 'userNamespace' | 'volumes'>;
  /** Where the pod's directory will be while it runs. */
  readonly podPath: string;
  readonly name: string;
}

/** The mount of a volume in an app, as the runtime specification says it. */
export function volumeMount(mounting: Mounting, { volume, target, readOnly, ...mount }: AppMount): RuntimeMount {
  const { pod } = mounting;
  const found = pod.volumes.find(({ name }) => name === volume);
  if (found === undefined) throw new Error(`volume ${volume} was not checked`);
  const recursive = found.kind === 'host' && found.recursive;
  const isMapped = needsMap(found) && 'first' in pod.userNamespace && pod.owner === undefined;
  const isFile = mount.subPath === undefined ? found.kind === 'host' && found.isFile : mount.isFile;
  const subPath = [...(found.kind === 'image' ? [found.subPath] : []), mount.subPath].filter(
    (path) => path !== undefined,
  );
  const root = rootOf(mounting, found);
  return {
    destination: target,
    type: 'bind',
    source: [root, ...subPath].join('/'),
    options: [
      recursive ? 'rbind' : 'bind',
      'nosuid',
      'nodev',
      ...(found.kind === 'host' && found.noExec === true ? ['noexec'] : []),
      ...(readOnly ? [isDeep(found) && isFile !== true ? 'rro' : 'ro'] : []),
      ...(isMapped ? [recursive ? 'ridmap' : 'idmap'] : []),
      ...(found.kind === 'host' && found.propagation !== undefined ? [`r${found.propagation}`] : []),
      ...(isFile === true ? ['file'] : []),
    ],
    ...(subPath.length === 0 ? {} : { within: root }),
  };
}

/** Where the files of the volume are while the plan of the app is executed. */
function rootOf({ podPath, name }: Mounting, volume: PodVolume): string {
  if (volume.kind === 'host') return volume.source;
  return volume.kind === 'image'
    ? `${podPath}/apps/${name}/images/${volume.name}/root`
    : `${podPath}/volumes/${volume.name}`;
}

// Files in memory are made with the ids of the host, and the layers of an image are mapped one by one.
function needsMap(volume: PodVolume): boolean {
  return volume.kind === 'host' || (volume.kind === 'empty' && volume.filled === undefined);
}

/** A volume that is read-only is so with all that is mounted below, unless somebody says otherwise. */
function isDeep(volume: PodVolume): boolean {
  return volume.kind === 'host' && volume.recursive && volume.recursiveReadOnly !== false;
}
