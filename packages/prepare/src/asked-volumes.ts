// SPDX-License-Identifier: Apache-2.0
import { type PodVolume } from '@rkt/formats';
import { parseMntVolume } from './app-mounts.ts';
import { type PrepareArguments } from './arguments.ts';
import { type FoundImage } from './images.ts';
import { parseVolumes, requireUnique, type AskedVolume } from './volumes.ts';

/** The volumes that the command line asks for, wherever it does. */
export function askedVolumes({ pod, images }: PrepareArguments): AskedVolume[] {
  const own = images.flatMap(({ given }) => given['mnt-volume'].map((text) => parseMntVolume(text).volume));
  return requireUnique([...parseVolumes(pod.volume), ...own]);
}

/** The volumes of the pod, with the images that were found for them. */
export function settleVolumes(asked: readonly AskedVolume[], images: ReadonlyMap<string, FoundImage>): PodVolume[] {
  return asked.map((volume) => {
    if (volume.kind !== 'image') return volume;
    const { reference, ...rest } = volume;
    const image = images.get(reference);
    if (image === undefined) throw new Error(`image ${reference} was not found`);
    return { ...rest, image: { id: image.id, name: image.name, layers: [...image.chain] } };
  });
}

/** The images whose files are volumes, each once. */
export function imagesOfVolumes(asked: readonly AskedVolume[]): { image: string }[] {
  const references = asked.flatMap((volume) => (volume.kind === 'image' ? [volume.reference] : []));
  return [...new Set(references)].map((image) => ({ image }));
}
