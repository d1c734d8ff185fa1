// SPDX-License-Identifier: Apache-2.0
import { type PodApp, type PodManifest } from '@rkt/formats';
import { hexOf } from '@rkt/names';
import { type Line } from '@rkt/plan';
import { comment } from './host.ts';
import { attach } from './layers.ts';
import { type PodInput } from './pod-plan.ts';

/** A volume that is an image, mounted in an app. */
type ImageVolume = Extract<PodManifest['volumes'][number], { kind: 'image' }>;

/** The volumes of an app that are images, each once. */
export function imageVolumesOf(pod: PodManifest, { mounts }: PodApp): ImageVolume[] {
  return pod.volumes.filter((volume): volume is ImageVolume => {
    return volume.kind === 'image' && mounts.some((mount) => mount.volume === volume.name);
  });
}

/** The directories that an image is joined in, below the directory of the app: one for each layer, the lowest first, and `root`. */
export function imageVolumeDirectories({ name, image }: ImageVolume): string[] {
  const layers = image.layers.length > 1 ? [...image.layers.keys()].map(String) : [];
  return ['', ...layers, 'root'].map((directory) => `images/${name}/${directory}`);
}

/** Joins the layers of images that are volumes, read-only, in the mount namespace of the app. */
export function imageVolumes({ dir, pod }: PodInput, app: PodApp): Line[] {
  const home = `${dir}/pods/run/${pod.uuid}/apps/${app.name}/images`;
  return imageVolumesOf(pod, app).flatMap(({ name, image }) => {
    const trees = image.layers.map((layer) => `${dir}/layers/${hexOf(layer)}/tree`);
    const title = comment(`volume ${name}: an image, read-only`);
    const [only] = trees;
    if (only === undefined) return [];
    if (trees.length === 1) return [title, ...attach(pod, only, { target: `${home}/${name}/root`, readOnly: true })];
    const lower = [...trees.keys()].toReversed().join(':');
    return [
      title,
      ...trees.flatMap((tree, index) => attach(pod, tree, { target: `${home}/${name}/${index}`, readOnly: true })),
      { op: 'chdir', path: `${home}/${name}` },
      {
        op: 'mount',
        source: 'overlay',
        target: 'root',
        fstype: 'overlay',
        flags: ['MS_RDONLY', 'MS_NOSUID', 'MS_NODEV'],
        data: `lowerdir=${lower},redirect_dir=nofollow,metacopy=off,index=off,xino=off`,
      },
    ];
  });
}
