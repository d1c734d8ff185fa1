// SPDX-License-Identifier: Apache-2.0
import { type PodApp, type PodManifest } from '@rkt/formats';
import { hexOf } from '@rkt/names';
import { type Line } from '@rkt/plan';
import { comment } from './host.ts';
import { imageVolumes } from './image-volumes.ts';
import { attach, overlayOptions } from './layers.ts';
import { onRoot } from './mounts.ts';
import { type CompiledFrom, type PodInput } from './pod-plan.ts';

/**
 * The root file system of an app: the image's layers, read-only, below a directory of its own, joined by overlayfs.
 *
 * No set-user-id file gains anything there, and no device of an image works.
 * Everything is mounted below `apps/NAME` in the mount namespace of the app, so nothing is left on the host.
 * The paths in the overlay's options are relative, which keeps 127 layers below the page that mount(2) takes.
 */
export function rootFileSystem(input: PodInput, { app, config }: CompiledFrom): Line[] {
  const { dir, pod } = input;
  const home = `${dir}/pods/run/${pod.uuid}/apps/${app.name}`;
  const trees = lowerTrees(app).map((tree, index) => ({ source: `${dir}/${tree}`, target: `${home}/layers/${index}` }));
  const layers = trees.flatMap(({ source, target }) => attach(pod, source, { target, readOnly: true }));
  return [
    ...imageVolumes(input, app),
    comment('root file system: the layers of the image, mapped to the ids of the pod'),
    ...layers,
    ...attach(pod, `${home}/data`, { target: `${home}/data`, readOnly: false }),
    { op: 'chdir', path: home },
    ...(isStartedAgain(pod, app) ? [{ op: 'forget_volatile', workdir: 'data/work' } as const] : []),
    {
      op: 'mount',
      source: 'overlay',
      target: 'rootfs',
      fstype: 'overlay',
      flags: ['MS_NOSUID', 'MS_NODEV'],
      data: overlayOptions(trees.length, 'layers/'),
    },
    { op: 'chdir', path: 'rootfs' },
    ...onRoot(pod, config),
    { op: 'pivot_root', new_root: '.', put_old: '.' },
    { op: 'umount2', target: '.', flags: ['MNT_DETACH'] },
    { op: 'chdir', path: '/' },
  ];
}

/** The trees that the root of an app stands on, the lowest first, below rkt's directory: layers and their mount points. */
export function lowerTrees({ image: { layers } }: PodApp): string[] {
  const top = layers.at(-1);
  const trees = layers.map((layer) => `layers/${hexOf(layer)}/tree`);
  return top === undefined ? [] : [...trees, `layers/${hexOf(top)}/mount-points/tree`];
}

function isStartedAgain({ mutable }: PodManifest, { restart }: PodApp): boolean {
  return mutable || restart.policy !== 'no';
}
