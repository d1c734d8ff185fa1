// SPDX-License-Identifier: Apache-2.0
import { type PodVolume } from '@rkt/formats';
import { dockerVolumesOf } from './aci-volumes.ts';
import { type AppMount } from './app-mounts.ts';
import { type FoundImage } from './images.ts';
import { directoryIn } from './process.ts';

type FillingImage = Pick<FoundImage, 'aci' | 'chain'> & { readonly config: Pick<FoundImage['config'], 'config'> };

/** An app, as far as its image may fill volumes. */
interface FillingApp {
  readonly mounts: readonly AppMount[];
  readonly image: FillingImage | undefined;
}

/** The directories that an image says are volumes. */
export function volumesOfImage({ config, aci }: Omit<FillingImage, 'chain'>): string[] {
  return [...Object.keys(config.config?.Volumes ?? {}), ...dockerVolumesOf(aci)]
    .map((path) => directoryIn(path, 'volume'))
    .filter((path) => path !== '/');
}

/**
 * The volumes, of which an empty one that an app mounts where its image has a volume begins with the files of the image, as people know
 * it from other engines; of several images the first one counts.
 *
 * One of which an app mounts a part does not: the image says nothing of that part.
 */
export function fillVolumes(volumes: readonly PodVolume[], apps: readonly FillingApp[]): PodVolume[] {
  return volumes.map((volume) => {
    const mounts = apps.flatMap(({ mounts: all, image }) =>
      all.filter((mount) => mount.volume === volume.name).map((mount) => ({ ...mount, image })),
    );
    if (volume.kind !== 'empty' || mounts.some(({ subPath }) => subPath !== undefined)) return volume;
    const first = mounts.find(({ target, image }) => image !== undefined && volumesOfImage(image).includes(target));
    if (first?.image === undefined || first.image.chain.length === 0) return volume;
    return { ...volume, filled: { layers: [...first.image.chain], path: first.target } };
  });
}
